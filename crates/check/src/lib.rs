#![doc = include_str!("../README.md")]

mod answer;
mod case;
mod conversation;
mod deflate;
mod dial;
mod endpoint;
mod families;
mod inbox;
mod judge;
mod measure;
mod report;
mod rule;
mod run;
mod selection;
mod step;
mod target;
mod tls;
mod transport;
mod trust;
mod verdict;

pub use case::Case;
pub use dial::Dialer;
pub use endpoint::Endpoint;
pub use families::server_cases;
pub use measure::{Unreachable, measure};
pub use report::baseline::{Baseline, BaselineError};
pub use report::grade::Grade;
pub use report::text::Style;
pub use report::{CaseReport, Outcome, Report};
pub use rule::{Family, Level};
pub use run::{Pace, run};
pub use selection::Pattern;
pub use target::{Target, UrlError};
pub use tls::Tls;
pub use transport::{ByteStream, Dial, Dialing, Transport};
pub use verdict::Verdict;
