//! Hooks in real repositories, run by real git: what is pushed or committed is judged, a broken theme is refused with the
//! finding at the pusher's terminal, and whatever hook was there before still does its work.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

#[path = "../support/mod.rs"]
mod support;

mod commits;
mod configured;
mod earlier_hooks;
mod gits;
mod installation;
mod lab;
mod pushes;
mod receiving;
mod sites;
