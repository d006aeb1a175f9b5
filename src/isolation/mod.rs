//! A build that sees its stage and nothing else: private namespaces, made by children of our own executable.
//!
//! The gate writes a [`Plan`]; `__isolate` makes the namespaces, and in them `__init`, the first process, arranges what the
//! build sees, gives up every power, and starts it. `__hold` keeps an overlay mounted for the gate to read. None of this
//! knows what a theme is, nor what is built.

mod confinement;
mod devices;
mod fault;
mod holder;
mod home;
mod init;
mod mountinfo;
mod mounts;
mod namespaces;
mod outer;
mod plan;
mod sockets;
mod view;

use std::ffi::{OsStr, OsString};

use clap::ValueEnum;
use serde::Deserialize;

pub use holder::Holder;
pub use outer::trial;
pub use plan::{Place, Plan, Wish, space};

/// Whether the build is isolated; the names are the words of `--isolation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum IsolationChoice {
    /// Wherever the system allows it
    #[default]
    Auto,
    /// Not at all: the build can reach the live tree
    None,
}

/// Whether an isolated build may use the network; the names are the words of `--network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum NetworkChoice {
    /// Only where what compiles may need it: webpacker's build runs `yarn install`
    #[default]
    Auto,
    /// It may
    Allow,
    /// It may not
    Deny,
}

/// The hidden command that makes the namespaces and waits for what runs in them.
pub const ISOLATE_COMMAND: &str = "__isolate";

/// The hidden command that is the first process in them.
const INIT_COMMAND: &str = "__init";

/// The hidden command that keeps an overlay mounted.
const HOLD_COMMAND: &str = "__hold";

/// The hidden command that tells the kernel who is who in a new user namespace.
const MAP_COMMAND: &str = "__map";

/// Our own program file, wherever it lies.
const OURSELVES: &str = "/proc/self/exe";

/// The exit code of a child that could not set up what it was told to; its plan's note says why.
pub const SET_UP_FAILED: i32 = 125;

/// Runs one of the hidden commands, if `word` is one; gives the exit code for the process.
///
/// `main.rs` calls it before anything else: the process must have one thread only.
pub fn run_child(word: &OsStr, arguments: &mut dyn Iterator<Item = OsString>) -> Option<i32> {
    let mut arguments = || arguments.collect::<Vec<_>>();
    match word.to_str()? {
        ISOLATE_COMMAND => Some(outer::isolate(arguments())),
        INIT_COMMAND => Some(init::run(arguments())),
        HOLD_COMMAND => Some(holder::hold(&arguments())),
        MAP_COMMAND => Some(namespaces::map(arguments())),
        _ => None,
    }
}
