//! From a name to addresses.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use super::destination::Destination;

type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Who knows the addresses of a name.
#[derive(Clone, Default)]
pub(super) enum Resolver {
    #[default]
    System,
    Custom(Arc<dyn Fn(Destination) -> Lookup + Send + Sync>),
}

impl Resolver {
    pub(super) fn custom<F, Fut>(lookup: F) -> Resolver
    where
        F: Fn(Destination) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Resolver::Custom(Arc::new(move |destination| Box::pin(lookup(destination))))
    }

    /// The addresses of `destination`, in the order in which they are to be tried. There is at least one.
    pub(super) async fn resolve(&self, destination: &Destination) -> io::Result<Vec<SocketAddr>> {
        if let Some(ip) = destination.ip() {
            return Ok(vec![SocketAddr::new(ip, destination.port())]);
        }
        let found = match self {
            Resolver::System => {
                tokio::net::lookup_host((destination.host(), destination.port())).await?.collect()
            }
            Resolver::Custom(lookup) => lookup(destination.clone()).await?,
        };
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        }
        Ok(interleaved(found))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resolver::System => "System",
            Resolver::Custom(_) => "Custom",
        })
    }
}

/// The addresses so that their families take turns, beginning with that of the first, each in the order that it came in
/// (RFC 8305 §4). The resolver has put them in order of preference (RFC 6724).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let count = addresses.len();
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(count);
    while ordered.len() < count {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_keep_their_order() {
        let ordered = |list| interleaved(addresses(list));
        assert_eq!(
            ordered(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]),
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"])
        );
        assert_eq!(
            ordered(&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"]),
            addresses(&["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"])
        );
        assert_eq!(ordered(&["[::1]:1"]), addresses(&["[::1]:1"]));
    }

    #[tokio::test]
    async fn an_address_is_not_looked_up_and_a_name_without_one_is_told() {
        let nobody = Resolver::custom(async |_| Ok(Vec::new()));
        let found = nobody.resolve(&Destination::new("[::1]", 80)).await.unwrap();
        assert_eq!(found, addresses(&["[::1]:80"]));
        let error = nobody.resolve(&Destination::new("a.example", 80)).await.unwrap_err();
        assert_eq!(error.to_string(), "it has no address");
    }
}
