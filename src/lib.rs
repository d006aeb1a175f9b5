//! The gate in front of a Mastodon theme.
//!
//! The library never prints and never ends the process; `main.rs` and [`cli`] do. See `ARCHITECTURE.md` for the map.

pub mod byte_size;
pub mod caches;
pub mod change;
pub mod cli;
pub mod compiled;
pub mod compiler;
pub mod configuration;
pub mod doctor;
pub mod evidence;
pub mod finding;
pub mod fit;
pub mod gate;
pub mod hook;
pub mod invariant;
pub mod isolation;
pub mod manifest;
mod plain_file;
pub mod precompile;
mod programs;
pub mod promotion;
pub mod report;
pub mod rules;
pub mod runs;
pub mod site;
pub mod staging;
pub mod stylesheet;
pub mod theme_setting;
pub mod verdict;
