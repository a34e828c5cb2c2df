//! Which endpoints may be attacked, and within which bounds.

use std::net::IpAddr;

use longwire_check::{AttackBounds, MemoryMeter, Target};

use crate::args::{AttackArgs, CheckArgs};
use crate::failure::Failure;

/// The bounds of the attacks.
///
/// # Errors
///
/// [`Failure::Usage`] if the endpoint is elsewhere and that was not allowed, or the process cannot be measured.
pub(super) async fn bounds(args: &CheckArgs, target: &Target) -> Result<AttackBounds, Failure> {
    let AttackArgs { attack, pid, attack_time, attack_memory, .. } = &args.attacks;
    let bounds =
        AttackBounds::default().time(*attack_time).memory(u64::try_from(attack_memory.0).unwrap_or(u64::MAX));
    if !attack {
        return Ok(bounds);
    }
    if args.attacks.are_near() && (args.route.proxy.is_named() || !is_on_this_machine(target).await) {
        let message = format!(
            "--attack: {} is not on this machine, or is behind a proxy; if it is yours, add --i-own-this-host",
            target.host()
        );
        return Err(Failure::Usage(message));
    }
    match pid {
        None => Ok(bounds),
        Some(pid) => {
            let meter =
                MemoryMeter::of_process(*pid).map_err(|why| Failure::Usage(format!("--pid {pid}: {why}")))?;
            Ok(bounds.meter(meter))
        }
    }
}

/// Whether the host has addresses of the loopback interface only.
async fn is_on_this_machine(target: &Target) -> bool {
    let host = target.host().trim_matches(['[', ']']);
    let Ok(addresses) = tokio::net::lookup_host((host, target.port())).await else { return false };
    let addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
    !addresses.is_empty() && addresses.iter().all(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_addresses_of_the_loopback_interface_are_near() {
        for (url, expected) in [
            ("ws://127.0.0.1:9000/", true),
            ("ws://127.1.2.3/", true),
            ("ws://[::1]:9000/", true),
            ("ws://[::ffff:127.0.0.1]/", true),
            ("ws://192.0.2.1/", false),
            ("ws://[2001:db8::1]/", false),
            ("ws://0.0.0.0:9000/", false),
        ] {
            let target = Target::new(url).unwrap();
            assert_eq!(is_on_this_machine(&target).await, expected, "{url}");
        }
    }
}
