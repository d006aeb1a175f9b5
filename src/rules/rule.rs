//! One rule, compiled. It must not know the packs it came from.

use serde::Serialize;

use super::pattern::Pattern;
use crate::finding::Severity;

/// How grave a line is that a rule recognises. `Neutral` lines are known and say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Progress, module tables, asset lists: no finding.
    Neutral,
    /// Known and harmless.
    Benign,
    /// A person has to look.
    Review,
    /// Somebody would see a broken page.
    Fatal,
}

impl Level {
    /// The word used in rule files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Benign => "benign",
            Self::Review => "review",
            Self::Fatal => "fatal",
        }
    }

    /// The level that a word in a rule file names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Neutral, Self::Benign, Self::Review, Self::Fatal].into_iter().find(|level| level.word() == word)
    }

    /// The severity of a finding of this level; none for neutral lines.
    #[must_use]
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Neutral => None,
            Self::Benign => Some(Severity::Benign),
            Self::Review => Some(Severity::Review),
            Self::Fatal => Some(Severity::Fatal),
        }
    }
}

/// When a rule is asked, compared with the others: exceptions first, general shapes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Order {
    First,
    Normal,
    Last,
}

/// Which lines after the first belong to what a rule found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Body {
    /// None.
    Line,
    /// Up to the next blank line.
    Paragraph,
    /// Those indented deeper than the first.
    Indented,
    /// Stack frames, code frames and whatever is indented deeper.
    Trace,
    /// Everything up to the next line that a rule knows as the beginning or end of something.
    Block,
}

/// What a rule is, among several that speak of one failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// It names the cause.
    Cause,
    /// It announces one: a better rule that matches below it takes its place.
    Heading,
    /// It follows from one (an exit status, `Build failed`): told only if no cause was found.
    Consequence,
}

/// A line that has to stand, or not to stand, near the one that matched.
#[derive(Debug, Clone)]
pub(crate) struct Nearby {
    /// What that line looks like.
    pub pattern: Pattern,
    /// How many lines away at most; 0 for anywhere.
    pub within: u64,
}

/// The exit status that a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitIs {
    Zero,
    NonZero,
    Unknown,
}

/// What must hold around a line before its rule counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct When {
    /// Above it.
    pub after: Option<Nearby>,
    /// Not above it.
    pub not_after: Option<Nearby>,
    /// Below it.
    pub before: Option<Nearby>,
    /// Not below it.
    pub not_before: Option<Nearby>,
    /// How the process ended.
    pub exit: Option<ExitIs>,
    /// It must be the last line that says anything.
    pub last: bool,
}

/// A line from a real run, or from a public thread, that shows what a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Where it was printed: `run: tool version, what was done` or `issue: address`.
    pub source: String,
    /// The line or lines.
    pub text: String,
}

/// One rule of a rule pack: a pattern, what it means, and what to do.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Stable name, `tool-what`.
    pub id: String,
    /// Who prints such a line.
    pub tool: String,
    /// The rule pack it came from.
    pub pack: String,
    /// How grave it is.
    pub level: Level,
    /// One line, after colour codes and log prefixes are cut.
    pub pattern: Pattern,
    /// True if it keeps the gate from knowing (no memory, no disk, no tool).
    pub inconclusive: bool,
    /// The message of the finding, with `{file}`, `{line}`, `{reason}` and other captures in braces.
    pub message: String,
    /// What it means for people.
    pub explanation: String,
    /// What to do, or to type.
    pub help: String,
    /// Lines it must recognise.
    pub matches: Vec<Example>,
    /// Lines that look alike and that it must leave alone.
    pub near_misses: Vec<Example>,
    pub(crate) order: Order,
    pub(crate) body: Body,
    pub(crate) part: Part,
    pub(crate) until: Option<Pattern>,
    pub(crate) details: Vec<Pattern>,
    pub(crate) when: When,
    pub(crate) otherwise: Option<Level>,
    /// If what is asked of the lines below does not hold, the line counts as one that no rule knows.
    pub(crate) or_unknown: bool,
}

impl Rule {
    /// True if it asks for more than its pattern.
    pub(crate) const fn has_conditions(&self) -> bool {
        let when = &self.when;
        let nearby =
            when.after.is_some() || when.not_after.is_some() || when.before.is_some() || when.not_before.is_some();
        nearby || when.exit.is_some() || when.last
    }

    /// True for a general shape of failure, asked last: it gives way to what the line itself says that it got over.
    pub(crate) fn is_general_failure(&self) -> bool {
        self.order == Order::Last && self.level == Level::Fatal && self.part != Part::Consequence
    }

    /// True if a line of this rule's kind may take the place of `self`, a heading.
    pub(crate) fn gives_way_to(&self, other: &Self) -> bool {
        let lowers = self.level == Level::Fatal && other.level < Level::Fatal;
        self.part == Part::Heading && other.part == Part::Cause && other.level > Level::Neutral && !lowers
    }

    /// True for an exception that names its own end.
    pub(crate) fn is_trusted(&self) -> bool {
        self.order == Order::First && self.body == Body::Block && self.until.is_some()
    }

    /// True if `other` must be told although its line stands inside a block of `self`. In the block of an exception that names
    /// its own end, only troubles of the machine are, as long as that end comes.
    pub(crate) fn is_outdone_by(&self, other: &Self) -> bool {
        (other.level > self.level && !self.is_trusted()) || (other.inconclusive && !self.inconclusive)
    }
}
