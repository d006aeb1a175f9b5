//! What was made live, taken back and withdrawn, for `themegate history` and `themegate show GENERATION`.

use std::io::Write;

use super::history::refused;
use crate::promotion::PromotionError;
use crate::promotion::facts::SwitchFacts;
use crate::promotion::freeze::{self, Freeze};
use crate::promotion::generations::{self, Generation, Kind};
use crate::promotion::plan::{Role, Step};
use crate::report::text::{plain, size};
use crate::site::LiveSite;

/// The generations and freezes of a site as lines of a history, each with its name, which sorts by time.
pub(super) fn lines(site: &LiveSite) -> anyhow::Result<Vec<(String, String)>> {
    let all = all(site)?;
    let folder = site.state.join("generations");
    let switches =
        all.iter().map(|one| (one.id.clone(), line(&all, one, SwitchFacts::read(&folder, &one.id).as_ref())));
    let freezes = freeze::events(&site.state).into_iter().map(|event| (event.at, frozen(event.set.as_ref())));
    Ok(switches.chain(freezes).collect())
}

fn all(site: &LiveSite) -> anyhow::Result<Vec<Generation>> {
    let folder = site.state.join("generations");
    Ok(if folder.is_dir() { generations::list(&folder).map_err(PromotionError::from)? } else { Vec::new() })
}

fn frozen(set: Option<&Freeze>) -> String {
    match set {
        Some(freeze) => format!("frozen     until {}: {}", freeze.until, plain(&freeze.reason)),
        None => "unfrozen".to_owned(),
    }
}

/// The freeze that holds now, in a line.
pub(super) fn freeze_now(site: &LiveSite, out: &mut dyn Write) -> anyhow::Result<()> {
    let holds = |freeze: &Freeze| freeze::holds(freeze, freeze::today());
    if let Some(freeze) = freeze::read(&site.state).map_err(refused)?.filter(holds) {
        writeln!(out, "\nfrozen until {}: {}", freeze.until, plain(&freeze.reason))?;
    }
    Ok(())
}

fn line(all: &[Generation], generation: &Generation, facts: Option<&SwitchFacts>) -> String {
    let files = match generation.plan.steps.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    let force = if generations::in_force(all, generation) { "   in force" } else { "" };
    let freeze =
        generation.despite_freeze.as_ref().map(|why| format!("   despite the freeze: {why}")).unwrap_or_default();
    let after = facts.map(|facts| format!("   {}", facts.aftermath.words())).unwrap_or_default();
    let old = match generation.plan.old_files_removed().0 {
        0 => String::new(),
        count => format!(" ({count} of them old ones that went)"),
    };
    plain(&format!("{:<10} {}   {files}{old}{force}{after}{freeze}", generation.kind.past(), subject(generation)))
}

fn subject(generation: &Generation) -> String {
    match generation.kind {
        Kind::Promotion => format!("run {}", generation.subject),
        Kind::Rollback => format!("to before {}", generation.subject),
        Kind::Withdrawal => generation.subject.clone(),
    }
}

/// Writes all that is known of one generation; `false` if there is none of that name.
pub(super) fn show(site: &LiveSite, id: &str, out: &mut dyn Write) -> anyhow::Result<bool> {
    let all = all(site)?;
    let Some(generation) = all.iter().find(|generation| generation.id == id) else { return Ok(false) };
    writeln!(out, "{} {}", generation.kind.word(), generation.id)?;
    let mut row = |label: &str, what: &str| writeln!(out, "{label:<13}{}", plain(what));
    row("live tree", &generation.live.display().to_string())?;
    row("what", &format!("{} {}", generation.kind.past(), subject(generation)))?;
    row("began", &generation.began)?;
    let (written, kept) = (size(generation.plan.new_bytes()), size(generation.plan.old_bytes()));
    row("size", &format!("{written} written, {kept} of replaced files kept"))?;
    let (count, bytes) = generation.plan.old_files_removed();
    if count > 0 {
        row(
            "old files",
            &format!("{count} removed ({}), needed by nothing for long; a rollback brings them back", size(bytes)),
        )?;
    }
    if let Some(facts) = SwitchFacts::read(&site.state.join("generations"), id) {
        row("took", &format!("{:.1} s; Mastodon was {}", facts.seconds, facts.aftermath.words()))?;
        facts.faults.iter().try_for_each(|fault| row("fault", fault))?;
    }
    if let Some(reason) = &generation.despite_freeze {
        row("freeze", &format!("gone ahead in spite of it: {reason}"))?;
    }
    row("stands", if generations::in_force(&all, generation) { "in force" } else { "undone, or a rollback itself" })?;
    writeln!(out)?;
    generation.plan.steps.iter().try_for_each(|step| writeln!(out, "{}", plain(&changed(step))))?;
    writeln!(out, "\nThe live tree as it was before: themegate rollback --to {id}")?;
    Ok(true)
}

fn changed(step: &Step) -> String {
    let sign = match (&step.before, &step.after) {
        (None, _) => '+',
        (_, None) => '-',
        _ => '~',
    };
    let role = match step.role {
        Role::Asset => "new name",
        Role::Fixed => "fixed name",
        Role::Manifest => "manifest",
        Role::Source => "source",
        Role::Registry => "registry",
        Role::Old => "old file",
    };
    format!("{sign} {role:<11} {}", step.name.display())
}
