//! Classifies a build log by rule packs: every line is evidence, neutral, or unaccounted.
//!
//! Pure: it takes bytes and gives values.
pub mod acknowledgement;
