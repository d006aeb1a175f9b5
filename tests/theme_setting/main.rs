//! Theme settings against real PostgreSQL, Redis and Rails, started in temporary directories.

mod cli;
mod faults;
mod lost_updates;
mod rails;
mod redis_cache;
mod schemas;
mod servers;
mod sql;
mod tls;
