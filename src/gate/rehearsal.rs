//! The upgrade before the upgrade: the next Mastodon is checked with the themes that the site has, and where it breaks, the
//! themes that break it are found by checking without them. Every round is a check like any other; nothing is promoted.

use std::collections::BTreeMap;
use std::path::Path;

use super::{CheckRequest, GateError, Progress, Proposal};
use crate::change::revision::{Rehearsal, own_themes};
use crate::change::shipped::Shipped;
use crate::finding::{Evidence, Finding, Severity};
use crate::report::{Rehearsed, RehearsedTheme, Report, ThemeOutcome};
use crate::runs;
use crate::site::registry::{PATHS_ROOT, Registry};
use crate::site::{Fork, LiveSite, skins};
use crate::verdict::{Verdict, judge};

/// How many builds are spent on finding the themes that break.
const MOST_ROUNDS: usize = 12;

/// How many people see each theme, or why that is not known.
pub type People = Result<BTreeMap<String, u64>, String>;

/// A theme of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Theme {
    name: String,
    path: String,
}

/// Checks the commit `tag` of the live tree's repository with every theme that the site has.
///
/// # Errors
/// As for [`super::check`].
pub fn rehearse(
    request: &CheckRequest,
    tag: &str,
    people: &People,
    progress: &dyn Progress,
) -> Result<Report, GateError> {
    let site = LiveSite::inspect(request.live.as_deref(), request.state.as_deref())?;
    let themes = themes_of(&site)?;
    let round = |without: &[String]| {
        let wanted = Rehearsal { tag: tag.to_owned(), without: without.to_vec() };
        super::check(&CheckRequest { proposal: Proposal::Rehearsal(wanted), ..request.clone() }, progress)
    };
    let mut search = Search { themes, broken: Vec::new(), rounds: 0, base_fails: None };
    let report = search.run(&round)?;
    let report = search.told(report, tag, people);
    runs::keep(&site.state, &report, None)?;
    Ok(report)
}

/// The themes that the site has of its own: lines of its registry, or skins that glitch-soc does not ship.
fn themes_of(site: &LiveSite) -> Result<Vec<Theme>, GateError> {
    if site.fork == Fork::GlitchSoc {
        let shipped = Shipped::of(&site.root, site.version, None);
        let own = skins::of(&site.root, &[]).into_iter().filter(|skin| !shipped.ships_any_below(&skin.place));
        let below = |place: &Path| place.strip_prefix(PATHS_ROOT).unwrap_or(place).display().to_string();
        let theme =
            |skin: skins::Skin| Theme { name: format!("{}/{}", skin.flavour, skin.name), path: below(&skin.place) };
        return Ok(own.map(theme).collect());
    }
    let registry = site.registry_text()?.and_then(|text| Registry::parse(&text).ok());
    let themes = registry.map(|registry| own_themes(&registry)).unwrap_or_default();
    Ok(themes.into_iter().map(|(name, path)| Theme { name, path }).collect())
}

/// Which themes were found to break, and by what.
struct Search {
    themes: Vec<Theme>,
    broken: Vec<(Theme, Finding)>,
    rounds: usize,
    /// Why the commit does not compile without any of them.
    base_fails: Option<String>,
}

impl Search {
    /// Checks without the themes that the findings name, until it passes or nobody is named any more.
    fn run(&mut self, round: &dyn Fn(&[String]) -> Result<Report, GateError>) -> Result<Report, GateError> {
        loop {
            let report = self.round(round, &self.names_of_broken())?;
            let blamed: Vec<(Theme, Finding)> = self
                .remaining()
                .into_iter()
                .filter_map(|theme| Some((theme.clone(), blame(&report, &theme)?)))
                .collect();
            if blamed.is_empty() && report.verdict == Verdict::Block && self.rounds < MOST_ROUNDS {
                return self.one_by_one(round, report);
            }
            if blamed.is_empty() || self.rounds >= MOST_ROUNDS {
                return Ok(report);
            }
            self.broken.extend(blamed);
        }
    }

    /// Nobody is named: first without any theme, then with each of them alone.
    fn one_by_one(
        &mut self,
        round: &dyn Fn(&[String]) -> Result<Report, GateError>,
        report: Report,
    ) -> Result<Report, GateError> {
        let all: Vec<String> = self.themes.iter().map(|theme| theme.name.clone()).collect();
        let remaining = self.remaining();
        let bare = if remaining.is_empty() { report } else { self.round(round, &all)? };
        if let Some(fault) = bare.findings.iter().find(|finding| finding.severity == Severity::Fatal) {
            self.base_fails = Some(fault.message.clone());
            return Ok(bare);
        }
        for theme in remaining {
            if self.rounds + 1 >= MOST_ROUNDS {
                break;
            }
            let others: Vec<String> = all.iter().filter(|name| **name != theme.name).cloned().collect();
            let alone = self.round(round, &others)?;
            let fault = alone.findings.iter().find(|finding| finding.severity == Severity::Fatal && finding.counts());
            self.broken.extend(fault.map(|fault| (theme, fault.clone())));
        }
        self.round(round, &self.names_of_broken())
    }

    fn round(
        &mut self,
        round: &dyn Fn(&[String]) -> Result<Report, GateError>,
        without: &[String],
    ) -> Result<Report, GateError> {
        self.rounds += 1;
        round(without)
    }

    fn names_of_broken(&self) -> Vec<String> {
        self.broken.iter().map(|(theme, _)| theme.name.clone()).collect()
    }

    fn remaining(&self) -> Vec<Theme> {
        self.themes.iter().filter(|theme| self.broken.iter().all(|(broken, _)| broken != *theme)).cloned().collect()
    }

    /// The last round's report, with what was found out on the way.
    fn told(self, mut report: Report, tag: &str, people: &People) -> Report {
        let known = match report.verdict {
            Verdict::Pass | Verdict::Hold => ThemeOutcome::Works,
            Verdict::Block | Verdict::Undecided => ThemeOutcome::Unknown,
        };
        let fact = |theme: &Theme, outcome| RehearsedTheme {
            name: theme.name.clone(),
            outcome,
            people: people.as_ref().ok().map(|people| people.get(&theme.name).copied().unwrap_or_default()),
        };
        let mut themes: Vec<RehearsedTheme> = self.remaining().iter().map(|theme| fact(theme, known)).collect();
        themes.extend(self.broken.iter().map(|(theme, _)| fact(theme, ThemeOutcome::Breaks)));
        themes.sort_by(|one, other| one.name.cmp(&other.name));
        report.rehearsal = Some(Rehearsed { tag: tag.to_owned(), themes });
        if !self.broken.is_empty() {
            // What is certain does not become uncertain by what else is not known.
            let unsure = report.findings.iter_mut().filter(|finding| finding.id == "packages-change");
            unsure.for_each(|finding| (finding.inconclusive, finding.severity) = (false, Severity::Benign));
        }
        let breaks = self.broken.iter().map(|(theme, fault)| breaks(theme, fault, tag, people));
        report.findings.splice(0..0, breaks);
        report.findings.extend(self.base_fails.iter().map(|why| base_fails(tag, why)));
        report.findings.extend(people.as_ref().err().map(|why| people_unknown(why)));
        report.verdict = judge(&report.findings);
        report
    }
}

/// The certain fault of the report that names this theme.
fn blame(report: &Report, theme: &Theme) -> Option<Finding> {
    let certain = report.findings.iter().filter(|finding| finding.severity == Severity::Fatal && !finding.inconclusive);
    certain.filter(|finding| names(finding, theme)).min_by_key(|finding| finding.evidence.is_empty()).cloned()
}

fn names(finding: &Finding, theme: &Theme) -> bool {
    let sheet = Path::new(PATHS_ROOT).join(&theme.path);
    let own = sheet.with_extension("");
    let written = [theme.path.clone(), format!("{}/", Path::new(&theme.path).with_extension("").display())];
    let in_text = |text: &str| written.iter().any(|path| text.contains(path.as_str()));
    in_text(&finding.message)
        || finding.evidence.iter().any(|evidence| match evidence {
            Evidence::File { path, excerpt, .. } => {
                let line = format!("{}:", theme.name);
                *path == sheet || path.starts_with(&own) || excerpt.as_ref().is_some_and(|text| text.starts_with(&line))
            }
            Evidence::Log { excerpt, .. } => in_text(excerpt),
        })
}

fn breaks(theme: &Theme, fault: &Finding, tag: &str, people: &People) -> Finding {
    let name = &theme.name;
    let mut finding =
        Finding::fatal("theme-breaks-with-upgrade", format!("{name} does not work with {tag}. {}", fault.message));
    finding.evidence.clone_from(&fault.evidence);
    let used = match people.as_ref().map(|people| people.get(name).copied().unwrap_or_default()) {
        Ok(0) => "Nobody uses it".to_owned(),
        Ok(1) => "1 person uses it".to_owned(),
        Ok(count) => format!("{count} people use it"),
        Err(_) => "How many people use it is not known".to_owned(),
    };
    finding
        .meaning(format!("{used}. After the upgrade the assets of the whole site would not compile with it, or its users would see an error."))
        .help(format!("Get a version of {name} for {tag}, or take it out before the upgrade: themegate withdraw {name}"))
}

fn base_fails(tag: &str, why: &str) -> Finding {
    Finding::fatal("rehearsal-base-fails", format!("{tag} does not compile here without any theme either: {why}"))
        .meaning("So nothing is known of the themes. Most often packages are missing that it needs.")
        .help("Let them be installed in the staged tree first:\n  --compiler 'bundle install && yarn install --immutable && bundle exec rails assets:precompile'")
        .inconclusive()
}

fn people_unknown(why: &str) -> Finding {
    Finding::benign("people-unknown", format!("How many people use each theme is not known: {why}"))
}
