//! What git tells a hook about a push, and which of it is to be judged. Pure: bytes in, decisions out.
//!
//! It must not know the repository: whether an object is there, and what it holds, is asked elsewhere.

use thiserror::Error;

use super::HookName;

/// A line that is not what githooks(5) says.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("git gave the hook a line that themegate does not understand: {0:?}")]
pub struct Malformed(String);

/// One ref that a push moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The ref in the receiving repository, such as `refs/heads/main`.
    pub name: String,
    /// What it holds there until now, in hexadecimal; `None` if it is new.
    pub old: Option<String>,
    /// What it shall hold; `None` if it is deleted.
    pub new: Option<String>,
}

impl RefUpdate {
    /// The branch's name, or the whole ref's where it is no branch.
    #[must_use]
    pub fn short(&self) -> &str {
        self.name.strip_prefix("refs/heads/").unwrap_or(&self.name)
    }
}

/// Reads what `pre-push` gets: `<local ref> SP <local object> SP <remote ref> SP <remote object> LF`. The local ref is what
/// was typed, and may hold spaces (`HEAD^{/a message}`).
///
/// # Errors
/// If a line is not of that form.
pub fn pre_push(input: &[u8]) -> Result<Vec<RefUpdate>, Malformed> {
    lines(input, |line| {
        let mut words = line.rsplitn(4, ' ');
        let (old, name, new) = (words.next()?, words.next()?, words.next()?);
        words.next()?;
        update(name, old, new)
    })
}

/// Reads what `pre-receive` gets: `<old object> SP <new object> SP <ref> LF`.
///
/// # Errors
/// If a line is not of that form.
pub fn pre_receive(input: &[u8]) -> Result<Vec<RefUpdate>, Malformed> {
    lines(input, |line| {
        let mut words = line.splitn(3, ' ');
        let (old, new, name) = (words.next()?, words.next()?, words.next()?);
        update(name, old, new)
    })
}

fn lines(input: &[u8], read: impl Fn(&str) -> Option<RefUpdate>) -> Result<Vec<RefUpdate>, Malformed> {
    let text = String::from_utf8_lossy(input);
    text.lines().map(|line| read(line).ok_or_else(|| Malformed(line.to_owned()))).collect()
}

fn update(name: &str, old: &str, new: &str) -> Option<RefUpdate> {
    let fits = name.starts_with("refs/") || name == "HEAD";
    fits.then_some(RefUpdate { name: name.to_owned(), old: object(old)?, new: object(new)? })
}

/// An object's name, 40 or 64 hexadecimal digits; all zeros stand for none.
#[expect(clippy::option_option, reason = "malformed, absent and present are three things")]
fn object(word: &str) -> Option<Option<String>> {
    let fits = matches!(word.len(), 40 | 64) && word.bytes().all(|digit| digit.is_ascii_hexdigit());
    fits.then(|| word.bytes().any(|digit| digit != b'0').then(|| word.to_owned()))
}

/// What is to be done about one ref of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Its tip is judged.
    Judge,
    /// It is let through, for this reason.
    LetThrough(String),
}

/// Which branches are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Branches {
    /// Every one.
    All,
    /// Those whose names fit one of these; a `*` at the end stands for anything.
    Named(Vec<String>),
}

impl Branches {
    /// Those that `hook` judges: the ones in the site's settings; without any, on arrival in a repository that deploys the
    /// one that its HEAD names, and else every one.
    #[must_use]
    pub fn of(settings: &[String], hook: HookName, head: Option<&str>) -> Self {
        match (settings, hook, head) {
            ([_, ..], ..) => Self::Named(settings.to_vec()),
            ([], HookName::PreReceive, Some(head)) => Self::Named(vec![head.to_owned()]),
            _ => Self::All,
        }
    }

    /// Whether the branch of this name is among them.
    #[must_use]
    pub fn fits(&self, branch: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => branch.starts_with(beginning),
            None => branch == pattern,
        };
        match self {
            Self::All => true,
            Self::Named(patterns) => patterns.iter().any(fits),
        }
    }
}

/// Decides about one ref by its name alone: tags and deletions deploy nothing, nor does a branch that is not among those
/// that are judged. Whatever is neither branch nor tag is judged like a branch.
#[must_use]
pub fn fate(update: &RefUpdate, judged: &Branches) -> Fate {
    let through = |why: &str| Fate::LetThrough(why.to_owned());
    match update {
        RefUpdate { new: None, .. } => through("deleted, nothing to judge"),
        RefUpdate { name, .. } if name.starts_with("refs/tags/") => through("a tag, nothing is deployed by it"),
        RefUpdate { name, .. } if name.starts_with("refs/notes/") => through("notes, nothing is deployed by them"),
        _ if judged.fits(update.short()) => Fate::Judge,
        _ => through("not a branch that is judged here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn moved(name: &str, old: Option<&str>, new: Option<&str>) -> RefUpdate {
        RefUpdate { name: name.to_owned(), old: old.map(str::to_owned), new: new.map(str::to_owned) }
    }

    #[test]
    fn what_pre_push_gets_is_read_even_where_a_revision_with_spaces_was_typed() {
        let input = format!(
            "HEAD^{{/fix it}} {A} refs/heads/main {B}\n(delete) {ZERO} refs/heads/old {B}\nx {A} refs/tags/v1 {ZERO}\n"
        );
        let expected = [
            moved("refs/heads/main", Some(B), Some(A)),
            moved("refs/heads/old", Some(B), None),
            moved("refs/tags/v1", None, Some(A)),
        ];
        assert_eq!(pre_push(input.as_bytes()).unwrap(), expected);
        assert_eq!(pre_push(b"").unwrap(), []);
    }

    #[test]
    fn what_pre_receive_gets_is_read() {
        let input = format!("{B} {A} refs/heads/main\n{ZERO} {A} refs/heads/new\n");
        let expected = [moved("refs/heads/main", Some(B), Some(A)), moved("refs/heads/new", None, Some(A))];
        assert_eq!(pre_receive(input.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn a_line_of_another_form_is_refused_not_skipped() {
        for line in ["main", "a b refs/heads/main c", "", &format!("refs/heads/x {A} refs/heads/x"), "x y z refs"] {
            assert!(pre_push(format!("{line}\n").as_bytes()).is_err(), "{line}");
        }
        assert!(pre_receive(format!("{A} {B}\n").as_bytes()).is_err());
        assert!(pre_receive(format!("{A} {} refs/heads/x\n", &B[1..]).as_bytes()).is_err());
    }

    #[test]
    fn without_a_setting_the_branch_that_deploys_is_judged_on_arrival_and_all_before_a_push() {
        let named = |name: &str| Branches::Named(vec![name.to_owned()]);
        assert_eq!(Branches::of(&[], HookName::PreReceive, Some("main")), named("main"));
        assert_eq!(Branches::of(&[], HookName::PreReceive, None), Branches::All);
        assert_eq!(Branches::of(&[], HookName::PrePush, Some("main")), Branches::All);
        assert_eq!(Branches::of(&["live".to_owned()], HookName::PrePush, Some("main")), named("live"));
    }

    #[test]
    fn tags_deletions_and_branches_that_do_not_deploy_are_let_through_all_else_is_judged() {
        let main = Branches::Named(vec!["main".to_owned(), "deploy/*".to_owned()]);
        let judged = |name: &str, new| fate(&moved(name, Some(B), new), &main) == Fate::Judge;
        assert!(judged("refs/heads/main", Some(A)) && judged("refs/heads/deploy/a", Some(A)));
        assert!(!judged("refs/heads/main", None) && !judged("refs/heads/mainly", Some(A)));
        let all = |name: &str| fate(&moved(name, None, Some(A)), &Branches::All);
        assert_eq!(all("refs/for/main"), Fate::Judge);
        assert!(matches!(all("refs/tags/v1"), Fate::LetThrough(_)));
    }
}
