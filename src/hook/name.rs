//! The hooks of git that themegate can stand in.

use clap::ValueEnum;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// One of git's hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookName {
    /// Before a commit is made: what is in the index is judged.
    PreCommit,
    /// Before a push leaves this repository: the pushed commits are judged.
    PrePush,
    /// Before pushed branches are taken into this repository: the pushed commits are judged.
    PreReceive,
    /// After a checkout: a warning, never a refusal.
    PostCheckout,
    /// After a merge or pull: a warning, never a refusal.
    PostMerge,
}

impl HookName {
    /// Every hook, in the order they come up in daily work.
    pub const ALL: [Self; 5] = [Self::PreCommit, Self::PrePush, Self::PreReceive, Self::PostCheckout, Self::PostMerge];

    /// The name of the hook's file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PrePush => "pre-push",
            Self::PreReceive => "pre-receive",
            Self::PostCheckout => "post-checkout",
            Self::PostMerge => "post-merge",
        }
    }

    /// Whether git hands the hook something to read: githooks(5), "pre-push" and "pre-receive".
    #[must_use]
    pub const fn reads_input(self) -> bool {
        matches!(self, Self::PrePush | Self::PreReceive)
    }

    /// Whether what could not be judged is refused: a broken theme must not get through a push because the gate is away.
    #[must_use]
    pub const fn fails_closed(self) -> bool {
        self.reads_input()
    }

    /// Whether it only warns.
    #[must_use]
    pub const fn only_warns(self) -> bool {
        matches!(self, Self::PostCheckout | Self::PostMerge)
    }

    /// Whether something goes live by what it lets through, with nobody to judge it once more.
    #[must_use]
    pub const fn deploys(self) -> bool {
        matches!(self, Self::PreReceive)
    }
}

/// Reads the hooks that shall be content with a look at the stylesheets.
///
/// # Errors
/// If there is no such hook, something goes live by it, or it has nothing compiled.
pub fn content_with_a_look<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HookName>, D::Error> {
    let hooks = Vec::<HookName>::deserialize(deserializer)?;
    for hook in &hooks {
        if hook.deploys() {
            let why = "something goes live by pre-receive, and a look at the stylesheets alone is no pass; it makes the whole check";
            return Err(D::Error::custom(why));
        }
        if hook.only_warns() {
            return Err(D::Error::custom(format!("{} compiles nothing, so there is nothing to speed up", hook.word())));
        }
    }
    Ok(hooks)
}
