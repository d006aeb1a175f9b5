//! One file per command: its arguments and a short `run`. Nothing else decides or prints.

pub mod classify;
pub mod rules;
