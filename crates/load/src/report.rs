//! What a run has found, as a document, for people, as a page, and as a file of percentiles.

mod document;
mod excuses;
mod hgrm;
mod hint;
mod html;
mod likeness;
mod plot;
mod setup;
mod text;

pub use document::{Connections, Distribution, Generator, Messages, Part, Report};
pub use hgrm::hgrm;
pub use html::html;
pub use text::{summary, time};

#[cfg(test)]
mod tests;
