//! Who uses which theme: read it, change it, undo it.
//!
//! One key changes and nothing else, by compare-and-swap, in one transaction, with the old values in an undo file first.
//! The pure parts ([`json_text`], [`yaml_value`], [`choice`], [`plan`], [`audience`]) take text and values; [`postgres`](mod@postgres) and
//! [`rails`] are the two ways to the rows. It must not know the gate, and it never prints.

pub mod audience;
pub mod by_hand;
pub mod cache;
pub mod choice;
pub mod connection;
mod database_url;
pub mod json_text;
pub mod people;
pub mod plan;
pub mod postgres;
pub mod rails;
pub mod rollback;
mod rows;
pub mod schema;
pub mod store;
mod swap;
mod tls;
pub mod undo;
mod undo_check;
pub mod usage;
pub mod yaml_value;
