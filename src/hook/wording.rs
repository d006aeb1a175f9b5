//! What a hook says at the pusher's terminal: the verdict, the worst finding, where all of it can be read. Pure.

use std::time::Duration;

use super::bypass::Bypass;
use super::concern::Owner;
use super::judgement::Subject;
use super::repository::Touch;
use super::{HookError, HookName};
use crate::finding::Finding;
use crate::report::Report;
use crate::report::text::{self, Layout};
use crate::verdict::Verdict;

/// Narrow enough for a terminal behind `remote: `.
const LAYOUT: Layout = Layout { width: 92, verbose: false, stored: true };

/// A bypass without a reason.
pub(super) const NO_REASON: &str = "themegate: THEMEGATE_SKIP is set without a reason, so it does not count. Write why: THEMEGATE_SKIP='the reason' git push";

/// Why a change is not judged, or `None` if it is.
pub(super) fn untouched(touch: Touch) -> Option<String> {
    let why = match touch {
        Touch::Build => return None,
        Touch::NothingOfABuild => "it touches nothing that an asset compile reads",
        Touch::NothingNew => "it brings nothing that the remote does not have",
        Touch::NoCommit => "it is no commit, so nothing is deployed from it",
    };
    Some(why.to_owned())
}

pub(super) fn let_through(name: &str, why: &str) -> String {
    format!("themegate: {} is let through: {why}.", text::plain(name))
}

pub(super) fn begins(subject: &Subject, owner: Owner) -> String {
    let what = match owner {
        Owner::Site => "the site's tree as pushed",
        Owner::Theme => "the theme as pushed",
    };
    let what = if subject.name == "this commit" { "what is about to be committed" } else { what };
    format!("themegate: judging {}: {what} …", named(subject))
}

/// The outcome of one check.
pub(super) fn judged(hook: HookName, subject: &Subject, report: &Report) -> String {
    let seconds: f64 = report.timings.iter().map(|timing| timing.seconds).sum();
    let head = format!("themegate: {}   {}", text::word(report), named(subject));
    let themes =
        if report.themes.is_empty() { String::new() } else { format!(" ({})", text::plain(&report.themes.join(", "))) };
    match report.verdict {
        Verdict::Pass => format!("{head}{themes}   {seconds:.1} s{}", left(report)),
        Verdict::Undecided if !hook.fails_closed() => {
            format!("{head}: it could not be judged, and goes through.\n{}", worst(hook, report))
        }
        _ => format!("{head}{themes}: {}.\n{}{}", stopped(hook, report), worst(hook, report), bypass(hook)),
    }
}

/// What a look at the stylesheets leaves to the whole check, briefly; nothing after a whole check.
fn left(report: &Report) -> String {
    const NAMED: usize = 2;
    let Some(fast) = &report.fast else { return String::new() };
    let named: Vec<String> = fast.left.iter().take(NAMED).map(|what| text::shortened(what, 120)).collect();
    let more = match fast.left.len().saturating_sub(NAMED) {
        0 => String::new(),
        count => format!("; {count} more: themegate show {} --live {}", report.run, live(report)),
    };
    format!("\nLeft to the whole check (themegate check): {}{more}", named.join("; "))
}

fn live(report: &Report) -> String {
    text::plain(&report.site.live.to_string_lossy())
}

fn stopped(hook: HookName, report: &Report) -> String {
    let what = if hook == HookName::PreCommit { "commit" } else { "push" };
    let count = report.findings.iter().filter(|finding| finding.counts()).count();
    let findings = if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") };
    match report.verdict {
        Verdict::Undecided => format!("the gate could not finish, so this {what} is refused"),
        Verdict::Hold => format!("{findings} to be looked at before this {what}"),
        _ if count == 1 => format!("1 finding stops this {what}"),
        _ => format!("{findings} stop this {what}"),
    }
}

/// The two gravest findings (a bundler that stops names the file, and Sass beside it the line and the reason), and where the
/// others are.
fn worst(hook: HookName, report: &Report) -> String {
    const SHOWN: usize = 2;
    let grave: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.counts() || finding.inconclusive).collect();
    let shown: String = grave.iter().take(SHOWN).map(|finding| text::finding(finding, LAYOUT)).collect();
    let more = match grave.len().saturating_sub(SHOWN) {
        0 => String::new(),
        1 => "1 more finding. ".to_owned(),
        count => format!("{count} more findings. "),
    };
    let place = if hook == HookName::PreReceive { ", on the receiving machine" } else { "" };
    format!("{shown}{more}Whole report{place}: themegate show {} --live {}\n", report.run, live(report))
}

fn bypass(hook: HookName) -> &'static str {
    match hook {
        HookName::PrePush => "To push all the same, on record: THEMEGATE_SKIP='the reason' git push",
        HookName::PreReceive => {
            "To push all the same, on record: git push -o themegate-skip='the reason'\n\
             (the receiving repository has to take push options: git config receive.advertisePushOptions true)"
        }
        _ => "To commit all the same, on record: THEMEGATE_SKIP='the reason' git commit",
    }
}

/// Whether a bypass can be put on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// In the site's state folder.
    Kept,
    /// The site itself is not to be found.
    Impossible,
}

/// The check could not be made at all.
pub(super) fn not_judged(hook: HookName, why: &str, record: Record) -> String {
    let why = text::plain(why);
    let bypass = match (record, hook) {
        (Record::Kept, _) => bypass(hook),
        (Record::Impossible, HookName::PreReceive) => {
            "Nothing can be put on record either: on the receiving machine, mend this or take the hook away: themegate hook \
             uninstall"
        }
        (Record::Impossible, _) => "To push all the same, with nothing on record: git push --no-verify",
    };
    if hook.fails_closed() {
        format!("themegate: REFUSED, because it could not be judged.\n{why}\n{bypass}")
    } else {
        format!("themegate: it could not be judged, and goes through.\n{why}")
    }
}

pub(super) fn earlier_failed(error: &HookError) -> String {
    format!("themegate: the hook that was here before could not be run, so nothing goes on.\n{error}")
}

/// A tool has put its own hook in the place of ours.
pub(super) fn put_out(hook: HookName) -> String {
    let name = hook.word();
    format!(
        "themegate: the hook that was here before has just put its own file in themegate's place: this was the last {name} that \
         is judged. Now type: themegate hook install --hook {name}"
    )
}

pub(super) fn waiting(holder: &str, patience: Duration) -> String {
    format!("themegate: another one is at work on this site ({holder}); waiting, {} s at most …", patience.as_secs())
}

pub(super) fn bypassed(bypass: &Bypass) -> String {
    format!("themegate: not judged: {}. It is on record: themegate history", text::plain(&bypass.reason))
}

/// What is compiled is not what is checked out.
pub(super) fn no_longer_fits(hook: HookName, report: &Report) -> String {
    let after = if hook == HookName::PostMerge { "merge" } else { "checkout" };
    let mut grave = report.findings.iter().filter(|finding| finding.counts());
    let first = grave.next().map(|finding: &Finding| text::finding(finding, LAYOUT)).unwrap_or_default();
    let more = grave.count();
    let more = if more == 0 { String::new() } else { format!("and {more} more. ") };
    format!(
        "themegate: after this {after}, what is compiled does not fit what is checked out. Do not restart Mastodon yet.\n\
         {first}{more}Before a restart: themegate check --live {}",
        report.site.live.display()
    )
}

fn named(subject: &Subject) -> String {
    if subject.name == "this commit" {
        return subject.name.clone();
    }
    format!("{} {}", text::plain(&subject.name), subject.commit.get(..10).unwrap_or(&subject.commit))
}
