//! `/admin`: the page for operators.

mod access;
mod answer;
mod figures;
mod files;
mod live;
mod methods;
mod page;
mod request;
mod router;
mod sampler;
mod serving;
mod sessions;
mod tries;

pub(super) use live::{LivePages, PATH as LIVE_PATH};
pub(super) use page::Admin;
pub(super) use router::router;
pub(super) use sampler::{Sources, watch};
pub(super) use serving::{ServedAdmin, SharedSettings};
