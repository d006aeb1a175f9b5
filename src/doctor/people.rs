//! Whose choice leads nowhere: the site's own theme, and people on themes that are not offered.

use super::patient::Patient;
use crate::finding::Finding;
use crate::report::people::people;
use crate::report::text::grouped;
use crate::site::{Fork, registry};
use crate::theme_setting::audience::Audience;

/// More themes than this are not listed one by one.
const LISTED: usize = 20;

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(audience) = &patient.audience else { return Vec::new() };
    let mut findings: Vec<Finding> = site_theme(patient, audience).into_iter().collect();
    findings.extend(
        audience.not_offered.iter().take(LISTED).map(|(name, count)| unlisted(patient, audience, name, *count)),
    );
    if audience.unreadable > 0 {
        let who = people(audience.unreadable, "has", "have");
        findings.push(
            Finding::benign("settings-unreadable", format!("{who} settings that cannot be read."))
                .meaning("Which theme they see is not known; Mastodon itself may fail on such a row."),
        );
    }
    findings
}

/// Up to 4.5 the site's theme is used unchecked; from 4.6 on `default` takes the place of one that is not listed.
fn site_theme(patient: &Patient<'_>, audience: &Audience) -> Option<Finding> {
    let site = &audience.site;
    let command = patient.commands.rollback_theme("--site --to default");
    match audience.site_shows.as_deref() {
        None => {
            let message = format!("The site's own theme is {site}, and it is not offered.");
            let users = grouped(audience.stranded());
            let finding = if audience.site_is_set {
                Finding::fatal("site-theme-not-offered", message)
            } else {
                Finding::review("site-theme-not-offered", message)
            };
            Some(
                finding
                    .at(registry::PATH)
                    .meaning(format!(
                        "This Mastodon takes it unchecked: every visitor gets an error page, and so do {users} users who see \
                         the site's theme."
                    ))
                    .help("It takes effect with the next request, once the cached setting is gone:")
                    .command(command),
            )
        }
        Some(shown) if shown != site && patient.site.fork == Fork::Mastodon => Some(
            Finding::benign(
                "site-theme-not-offered",
                format!("The site's own theme is {site}, and it is not offered."),
            )
            .at(registry::PATH)
            .meaning(format!("This Mastodon shows {shown} in its place."))
            .command(command),
        ),
        Some(_) => None,
    }
}

fn unlisted(patient: &Patient<'_>, audience: &Audience, name: &str, count: u64) -> Finding {
    let shown = audience.site_shows.clone().unwrap_or_else(|| audience.site.clone());
    let words = format!("--all-on {} --dry-run", super::commands::quoted(std::path::Path::new(name)));
    Finding::benign(
        "people-on-unlisted-theme",
        format!("{} chosen {name}, which is not offered.", people(count, "has", "have")),
    )
    .meaning(format!("They see the site's theme, {shown}, and have their choice back on the day it is offered again."))
    .help("Nothing has to be done. To see who they are:")
    .command(patient.commands.rollback_theme(&words))
}
