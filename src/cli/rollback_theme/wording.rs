//! How a plan and its outcome are told to people. Gives text; prints nothing.

use std::fmt::Write as _;

use crate::report::text::grouped;
use crate::theme_setting::choice::Choice;
use crate::theme_setting::plan::{Change, Owner, Plan};
use crate::theme_setting::rollback::Outcome;
use crate::theme_setting::undo::UndoPlan;

/// How many owners are listed by name.
const LISTED: usize = 20;

/// What to do about a database that lets nobody in.
pub(super) const UNREACHABLE: &str = "\
Nothing was changed. Check DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASS (or DATABASE_URL) in .env.production, or:
  the same command with --via rails     lets Mastodon itself connect
  the same command with --print-sql     prints what to paste into psql
";

/// What decides what somebody sees.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    /// The site's own theme, by name.
    pub(super) site: String,
    /// True where the registry offers it.
    pub(super) site_is_known: bool,
    /// The theme that Mastodon ships as the site's.
    pub(super) shipped: String,
}

impl Sight {
    fn after(&self, change: &Change) -> String {
        match (&change.owner, change.to.name()) {
            (Owner::Site, None) => format!("{} for everybody without a theme of their own", self.shipped),
            (Owner::Site, Some(name)) => format!("{name} for everybody without a theme of their own"),
            (Owner::User { .. }, Some(name)) => visible(&name),
            (Owner::User { .. }, None) => format!("{}, the site's theme", visible(&self.site)),
        }
    }
}

fn named(choice: &Choice) -> String {
    choice.name().map_or_else(|| "(the site's)".to_owned(), |name| visible(&name))
}

/// Names can come from anywhere; what would move the cursor or colour the screen is spelt out.
fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// A word on an undo file that was written for another database, which may be the same one at another address.
pub(super) fn other_database(then: &str, now: &str) -> String {
    if then == now {
        return String::new();
    }
    let then = visible(then);
    format!("The undo file was written for {then}, and this is {now}. If that is another site, stop here.\n")
}

/// The number with the noun that fits it.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number as u64), if number == 1 { one } else { many })
}

/// One line for each change, up to a number that can be read.
pub(super) fn changes(changes: &[Change], sight: &Sight) -> String {
    let mut text = String::new();
    for change in changes.iter().take(LISTED) {
        let name = visible(&change.owner.to_string());
        let _ = writeln!(
            text,
            "  {name:<24} {} -> {}   will see {}",
            named(&change.from),
            named(&change.to),
            sight.after(change)
        );
    }
    if changes.len() > LISTED {
        let _ = writeln!(text, "  … and {}", count(changes.len() - LISTED, "other", "others"));
    }
    text
}

/// What is said where `--all-on` finds nobody: a name that was mistyped looks the same as an outage that is over.
pub(super) fn nobody_on(theme: &str) -> String {
    format!("nobody       Nobody on this site has chosen {theme:?}. themegate doctor says who chose what.\n")
}

/// What a plan leaves alone, and why.
pub(super) fn left_alone(plan: &Plan, missing: &[String]) -> String {
    let mut text = String::new();
    for name in missing {
        let _ =
            writeln!(text, "nobody       Nobody on this site is called {name:?}. Remote accounts have no theme here.");
    }
    if !plan.already.is_empty() {
        let _ = writeln!(text, "already      {}: nothing to do", owners(&plan.already));
    }
    for (owner, reason) in plan.unreadable.iter().take(LISTED) {
        let _ = writeln!(
            text,
            "unreadable   {}: {reason}. Nothing is written there; look at the row by hand.",
            visible(&owner.to_string())
        );
    }
    text
}

/// What an undo leaves alone, and why.
pub(super) fn undo_left_alone(plan: &UndoPlan) -> String {
    let mut text = String::new();
    let mut line = |list: &[Owner], word: &str, reason: &str| {
        if !list.is_empty() {
            let _ = writeln!(text, "{word:<12} {}: {reason}", owners(list));
        }
    };
    line(&plan.already, "already", "the old value is there, so nothing is to be undone");
    line(&plan.changed_since, "skipped", "somebody has changed it since");
    line(&plan.gone, "skipped", "no longer here, or the settings cannot be read");
    for (owner, choice) in plan.unknown.iter().take(LISTED) {
        let _ = writeln!(
            text,
            "refused      {}: this Mastodon does not offer {} any more",
            visible(&owner.to_string()),
            named(choice)
        );
    }
    if plan.unknown.len() > LISTED {
        let _ = writeln!(text, "refused      … and {}", count(plan.unknown.len() - LISTED, "other", "others"));
    }
    text
}

fn owners(list: &[Owner]) -> String {
    let names: Vec<String> = list.iter().take(LISTED).map(|owner| visible(&owner.to_string())).collect();
    match list.len().saturating_sub(LISTED) {
        0 => names.join(", "),
        more => format!("{} and {}", names.join(", "), count(more, "other", "others")),
    }
}

/// What was done, what was not, and who needs another look.
pub(super) fn outcome(outcome: &Outcome) -> String {
    let mut text = format!("changed      {}\n", count(outcome.done.len(), "setting", "settings"));
    if !outcome.moved.is_empty() {
        let moved: Vec<Owner> = outcome.moved.iter().map(|moved| moved.owner.clone()).collect();
        let _ = writeln!(text, "skipped      {}: somebody changed it just now. Look again.", owners(&moved));
    }
    if outcome.repeated > 0 {
        let times = count(outcome.repeated, "time", "times");
        let _ = writeln!(text, "repeated     {times}, since a page that was being served wrote the old theme back");
    }
    if !outcome.returned.is_empty() {
        let _ = writeln!(
            text,
            "returned     {}: on the old theme again. Restart the web server with a registry that does not list the theme \
             (themegate withdraw THEME), then run this again.",
            owners(&outcome.returned)
        );
    }
    if let Some(reason) = &outcome.unseen {
        let _ = writeln!(text, "second look  cut short: {reason} The change itself is committed.");
    }
    text
}

/// Notes on what the site's own theme means for this plan.
pub(super) fn site_note(sight: &Sight, plan: &[Change]) -> String {
    let follows = plan.iter().any(|change| change.owner != Owner::Site && change.to.is_none());
    if follows && !sight.site_is_known {
        return format!(
            "note         The site's own theme, {}, is not in the registry. Up to Mastodon 4.5 everybody who follows it \
             gets an error page: themegate rollback-theme --site --to default\n",
            visible(&sight.site)
        );
    }
    String::new()
}
