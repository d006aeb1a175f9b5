//! Theme settings against real PostgreSQL, Redis and Rails, started in temporary directories.
#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

mod cli;
mod faults;
mod lost_updates;
mod pooler;
mod rails;
mod redis_cache;
mod rehearsal;
mod schemas;
mod servers;
mod sql;
mod tls;
