//! Classifies a build log by rule packs: every line is evidence of a finding, neutral, or unaccounted.
//!
//! Pure: it takes bytes and gives values. It knows neither the site nor the verdict; `docs/rules.md` explains the rules.

mod block;
mod classified;
mod classify;
mod context;
mod decode;
mod embedded;
mod envelope;
mod examples;
mod filter;
mod frame;
mod gravity;
mod ledger;
mod literals;
mod margin;
mod matcher;
mod message;
mod misread;
mod outcome;
mod pack;
mod pack_reader;
mod pattern;
mod prefix;
mod reader;
mod rule;
mod sighting;
mod trouble;
mod tty;
mod vocabulary;
mod watch;
mod words;
mod wrap;

pub use classified::{Classified, Options};
pub use classify::classify;
pub use context::{LogContext, LogEnd};
pub use embedded::PACKS;
pub use examples::{ExampleFault, ExampleReport, check_examples};
pub use matcher::RuleSet;
pub use message::explain;
pub use pack::PackFault;
pub use pattern::Pattern;
pub use rule::{Example, Level, Rule};
pub mod acknowledgement;
