//! To come.
/// x
pub const PATH: &str = "config/themes.yml";
