//! What an attack may take and cost, and what was measured.

pub(crate) mod bounds;
pub(crate) mod figures;
pub(crate) mod memory;
pub(crate) mod process_tree;
