//! Which theme names and paths are safe on every Mastodon, and what each other one would do.

/// Names that some Mastodon between 3.5.3 and 4.6.5 gives to an entry of its own; `system` is the pseudo theme of 4.3 to 4.5.
const RESERVED: [&str; 11] =
    ["system", "application", "common", "public", "error", "admin", "mailer", "inert", "sign_up", "share", "embed"];

/// Why a name should not be a theme's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFault {
    /// One of Mastodon's own names.
    Reserved,
    /// It holds a dot: webpacker takes what follows for a file type.
    Dot,
    /// It holds a space.
    Space,
    /// It holds an upper-case letter.
    UpperCase,
    /// Something else that is not a lower-case letter, a digit, `_` or `-`, or it does not begin with a letter or digit.
    Shape,
}

impl NameFault {
    /// Completes "The theme name … ".
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Reserved => "is one of Mastodon's own names",
            Self::Dot => "has a dot in it",
            Self::Space => "has a space in it",
            Self::UpperCase => "has upper-case letters in it",
            Self::Shape => "is not made of lower-case letters, digits, `-` and `_`",
        }
    }
}

/// What is wrong with `name`, where `packs` are the site's own entries; the gravest first.
#[must_use]
pub fn name_fault(name: &str, packs: &[String]) -> Option<NameFault> {
    let checks = [
        (RESERVED.contains(&name) || packs.iter().any(|pack| pack == name), NameFault::Reserved),
        (name.contains('.'), NameFault::Dot),
        (name.contains(char::is_whitespace), NameFault::Space),
        (name.contains(char::is_uppercase), NameFault::UpperCase),
        (!is_plain_name(name), NameFault::Shape),
    ];
    checks.into_iter().find(|(wrong, _)| *wrong).map(|(_, fault)| fault)
}

/// Whether `name` is `^[a-z0-9][a-z0-9_-]*$`, which is safe in YAML, in a file name, in a URL and in a manifest key.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(plain) && name.bytes().all(|byte| plain(byte) || byte == b'_' || byte == b'-')
}

/// Whether `path` stays below the folder it is relative to, and is spelled in the one obvious way.
#[must_use]
pub fn is_safe_path(path: &str) -> bool {
    let usual = |character: char| character.is_ascii_alphanumeric() || "_-./".contains(character);
    path.chars().all(usual) && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
