//! The live tree as it is.

pub mod environment;
