//! The gate in front of a Mastodon theme.
//!
//! The library never prints and never ends the process; `main.rs` and `cli` do.

pub mod finding;
pub mod precompile;
pub mod site;
pub mod staging;
pub mod verdict;
