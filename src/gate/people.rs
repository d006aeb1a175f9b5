//! How many people a change touches. The database is asked while the rest of the check goes on; what it does not say in time
//! is not known, and never changes a verdict.

use std::path::Path;
use std::time::Duration;

use super::offered;
use super::record::Record;
use crate::change::{Change, ChangeSource};
use crate::finding::Finding;
use crate::invariant::OfferedTheme;
use crate::report::people::{PeopleFacts, audience, people};
use crate::report::text::grouped;
use crate::runs;
use crate::site::registry::{self, Registry};
use crate::site::{Fork, LiveSite, SiteError, theming};
use crate::theme_setting::audience::{Audience, Offer};
use crate::theme_setting::choice::Layout;
use crate::theme_setting::people::{self as database, Inquiry};

/// How long a check waits for the database.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Findings that come of the database alone.
pub(super) const FOUND: [&str; 2] = ["theme-in-use-not-offered", NOT_OFFERED];

/// The one of them that blocks.
pub(super) const NOT_OFFERED: &str = "site-theme-not-offered";

/// Begins to ask the database of a live tree.
#[must_use]
pub fn ask(site: &LiveSite, patience: Duration) -> Inquiry {
    database::ask(database::connection_of(&site.root), layout(site), patience)
}

/// Which keys the site keeps its choices under.
#[must_use]
pub const fn layout(site: &LiveSite) -> Layout {
    match site.fork {
        Fork::Mastodon => Layout::Theme,
        Fork::GlitchSoc => Layout::FlavourAndSkin,
    }
}

/// What an answer means with the themes called `names` offered: the audience or why it is not known, and the facts of it.
pub fn seen_with(site: &LiveSite, inquiry: Inquiry, names: &[String]) -> (Result<Audience, String>, PeopleFacts) {
    let answer = inquiry.answer();
    let offer = Offer {
        layout: layout(site),
        names,
        shipped: &theming::shipped(&site.root, site.fork),
        system: theming::offers_system(&site.root),
        site_is_checked: theming::checks_site_theme(&site.root, site.fork),
    };
    let audience = audience(&answer, &offer);
    let facts = PeopleFacts::of(&audience, answer.database);
    (audience, facts)
}

/// Who is touched by making a run live, in one line.
///
/// # Errors
/// If the live registry is there and cannot be read.
pub fn line_of_run(site: &LiveSite, inquiry: Inquiry, run: &str) -> Result<String, SiteError> {
    // A run whose report is gone can still be promoted; then only who uses what can be said.
    let themes = runs::read(&site.state, run).map(|report| report.themes).unwrap_or_default();
    let registry = site.registry_text()?.and_then(|text| Registry::parse(&text).ok());
    let offered = offered::live(site, registry.as_ref()).into_iter().map(|theme| theme.name);
    let names: Vec<String> = offered.chain(themes.iter().cloned()).collect();
    Ok(seen_with(site, inquiry, &names).1.line(&themes))
}

/// What decides which theme a choice leads to, and what a site's settings mean.
const THEMING: [&str; 4] = [
    "app/lib/themes.rb",
    "app/helpers/theme_helper.rb",
    "app/controllers/application_controller.rb",
    "config/settings.yml",
];

/// True for an upgrade: it brings other rules, and migrations that change what people have chosen. Then only who uses what
/// today can be said.
pub(super) fn alters_theming(change: &Change) -> bool {
    let names = change.files.iter().map(|file| &file.to).chain(&change.removed);
    let is_rehearsal = matches!(change.source, ChangeSource::Rehearsal { .. });
    is_rehearsal || names.into_iter().any(|name| THEMING.iter().any(|file| name == Path::new(file)))
}

/// The themes that the live tree offers now; `text` is its registry's.
pub(super) fn now(site: &LiveSite, text: Option<&[u8]>) -> Vec<OfferedTheme> {
    let registry = text.and_then(|text| Registry::parse(text).ok());
    offered::live(site, registry.as_ref())
}

/// Puts the facts into the record, with what the change takes away from people.
pub(super) fn tell(
    site: &LiveSite,
    inquiry: Inquiry,
    change: &Change,
    offered: &[OfferedTheme],
    record: &mut Record<'_>,
) {
    let names: Vec<String> = offered.iter().map(|theme| theme.name.clone()).collect();
    let (audience, facts) = seen_with(site, inquiry, &names);
    record.people = Some(facts);
    // Where the registry cannot be read nothing is offered, and that is said already.
    if let (Ok(audience), false) = (audience, names.is_empty() || alters_theming(change)) {
        record.findings.extend(lost(&audience));
        record.findings.extend(stranded(&audience));
    }
}

fn lost(audience: &Audience) -> Vec<Finding> {
    let shown = audience.site_shows.clone().unwrap_or_else(|| audience.site.clone());
    let one = |(name, count): (&String, &u64)| {
        let who = people(*count, "has", "have");
        Finding::benign("theme-in-use-not-offered", format!("{who} chosen {name}, which is not offered.")).meaning(
            format!("They see the site's theme, {shown}, and have their choice back when it is offered again."),
        )
    };
    audience.not_offered.iter().map(one).collect()
}

/// Known only where the site itself has set such a theme: what Mastodon ships is offered, or the registry's own faults say so.
fn stranded(audience: &Audience) -> Option<Finding> {
    let gone = audience.site_shows.is_none() && audience.site_is_set;
    gone.then(|| {
        let (site, users) = (&audience.site, grouped(audience.stranded()));
        Finding::fatal(NOT_OFFERED, format!("The site's own theme is {site}, and it is not offered."))
            .at(registry::PATH)
            .meaning(format!(
                "This Mastodon takes it all the same: an error page for every visitor, and for {users} users who see the \
                 site's theme."
            ))
            .help(format!("List {site} again, or set another theme before the restart:"))
            .command("themegate rollback-theme --site --to default")
    })
}
