//! Amounts of memory and disk as people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A number of bytes, written `2 GB`, `1.5GB`, `500 MB`; kB, MB, GB and TB are powers of 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

const UNITS: [(&str, u64); 5] =
    [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1)];

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = String;

    #[expect(clippy::cast_precision_loss, reason = "nobody counts terabytes to the byte")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be positive and finite")]
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is no amount; write 2 GB or 500 MB");
        let ending = |unit: &str| {
            let start = text.len().checked_sub(unit.len())?;
            text.get(start..)?.eq_ignore_ascii_case(unit).then(|| text[..start].trim())
        };
        let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((ending(name)?, *unit))).ok_or_else(fault)?;
        let number: f64 = number.parse().map_err(|_| fault())?;
        if number.is_finite() && number > 0.0 { Ok(Self((number * unit as f64) as u64)) } else { Err(fault()) }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for ByteSize {
    #[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) = UNITS.iter().find(|(_, unit)| self.0 >= *unit).unwrap_or(&UNITS[4]);
        if *unit == 1 {
            return write!(formatter, "{} bytes", self.0);
        }
        write!(formatter, "{:.1} {name}", self.0 as f64 / *unit as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them_and_nothing_is_guessed() {
        let read = |text: &str| text.parse::<ByteSize>().map(ByteSize::bytes);
        assert_eq!(read("2 GB"), Ok(2_000_000_000));
        assert_eq!(read("1.5gb"), Ok(1_500_000_000));
        assert_eq!(read("3 B"), Ok(3));
        for wrong in ["2", "GB", "-1 GB", "2 GiB", "much", "0 MB", "NaN GB"] {
            assert!(read(wrong).unwrap_err().contains("2 GB"), "{wrong}");
        }
    }

    #[test]
    fn amounts_are_shown_in_the_unit_that_fits() {
        assert_eq!(ByteSize::new(1_420_000_000).to_string(), "1.4 GB");
        assert_eq!(ByteSize::new(512).to_string(), "512 bytes");
    }
}
