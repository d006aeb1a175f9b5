//! One file per command: its arguments and a short run. Nothing else decides or prints.

pub mod rollback_theme;
