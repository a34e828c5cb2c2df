//! The endpoint that a command connects to.

use clap::Args;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use longwire::Client;

use super::route::RouteArgs;
use super::url::EndpointUrl;
use crate::failure::Failure;
use crate::terminal;

/// Where to connect, with which request, and how to get there.
#[derive(Debug, Args)]
pub(crate) struct EndpointArgs {
    /// Where to connect: ws://… or wss://…
    ///
    /// Without a scheme, ws:// is used for this machine and for ports other than 443, otherwise wss://. Without a host, it
    /// is this machine: `8080/echo`.
    #[arg(value_name = "URL")]
    pub(crate) url: EndpointUrl,

    #[command(flatten)]
    pub(crate) request: RequestArgs,

    #[command(flatten)]
    pub(crate) route: RouteArgs,
}

/// What the request of the opening handshake says.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// Offer this subprotocol (repeatable, the preferred one first)
    #[arg(long, short = 's', value_name = "NAME")]
    pub(crate) subprotocol: Vec<String>,

    /// Add a header to the request (repeatable); see `longwire connect --help` for precedence
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = parse_header)]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,
}

impl EndpointArgs {
    pub(crate) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The headers to add, that of --user among them unless --header replaces it.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers: Vec<_> =
            self.route.authorization().map(|value| (AUTHORIZATION, value)).into_iter().collect();
        headers.extend(self.request.header.iter().cloned());
        headers
    }

    /// Says on standard error which scheme is used if none was given.
    pub(crate) fn say_assumption(&self) {
        if let Some(assumption) = self.url.assumption() {
            terminal::complain(&terminal::escape(&assumption));
        }
    }

    /// A client with this request and route.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if a flag is wrong or has no effect on this URL.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.route.check(self.url()).map_err(Failure::Usage)?;
        let mut client = self.route.client()?.subprotocols(&self.request.subprotocol);
        for (name, value) in &self.request.header {
            client = client.header(name, value.clone());
        }
        Ok(client)
    }
}

fn parse_header(line: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = line.split_once(':').ok_or("a header is a name, a colon and a value")?;
    let name = name.trim().parse().map_err(|_| format!("{:?} is not the name of a header", name.trim()))?;
    let value = value.trim().parse().map_err(|_| "the value has characters that a header cannot have")?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_split_at_its_first_colon() {
        let (name, value) = parse_header("X-Time: 12:30").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-time", "12:30"));
        assert_eq!(parse_header("X-Empty:").unwrap().1, "");
    }

    #[test]
    fn what_is_no_header_is_said() {
        assert_eq!(parse_header("no colon").unwrap_err(), "a header is a name, a colon and a value");
        assert_eq!(parse_header("a b: c").unwrap_err(), r#""a b" is not the name of a header"#);
        assert!(parse_header("a: b\r\nc: d").unwrap_err().contains("characters"));
    }
}
