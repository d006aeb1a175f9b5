//! What a check has gathered so far: findings, facts, and how long each stage took.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::Progress;
use super::question::TreeNow;
use crate::change::{Change, ChangeSource, GoesLive};
use crate::configuration::Acceptance;
use crate::evidence::Contents;
use crate::finding::{Evidence, Finding, Severity};
use crate::invariant::{InvariantResult, OfferedTheme};
use crate::manifest::diff::ManifestDiff;
use crate::report::people::PeopleFacts;
use crate::report::{
    ChangeFacts, LeftOutFact, LogFacts, PrecompileFacts, Report, SCHEMA_VERSION, SiteFacts, StagingFacts, Timing,
};
use crate::rules::acknowledgement;
use crate::site::LiveSite;
use crate::staging::{Look, StagedTree, StagingError};
use crate::verdict::judge;

/// The gathered facts of one check.
pub(super) struct Record<'gate> {
    pub(super) progress: &'gate dyn Progress,
    pub(super) findings: Vec<Finding>,
    pub(super) staging: Option<StagingFacts>,
    pub(super) precompile: Option<PrecompileFacts>,
    pub(super) log: Option<LogFacts>,
    pub(super) manifest_diff: Option<ManifestDiff>,
    pub(super) invariants: Vec<InvariantResult>,
    pub(super) touched: Vec<String>,
    pub(super) caches: super::caches::Given,
    pub(super) people: Option<PeopleFacts>,
    /// The look at the live tree by which the question was asked, for the stage.
    pub(super) look: Option<Result<Look, StagingError>>,
    /// What was in the live tree's files when the question was asked, if one was.
    pub(super) contents: Option<Arc<Contents>>,
    /// The live tree's digest after the build, being made.
    pub(super) tree_now: Option<TreeNow>,
    timings: Vec<Timing>,
    current: Option<(&'static str, Instant)>,
}

impl<'gate> Record<'gate> {
    pub(super) fn new(progress: &'gate dyn Progress) -> Self {
        Self {
            progress,
            findings: Vec::new(),
            staging: None,
            precompile: None,
            log: None,
            manifest_diff: None,
            invariants: Vec::new(),
            touched: Vec::new(),
            caches: None,
            people: None,
            look: None,
            contents: None,
            tree_now: None,
            timings: Vec::new(),
            current: None,
        }
    }

    /// Ends the stage that runs, and begins the next.
    pub(super) fn begin(&mut self, stage: &'static str) {
        self.end();
        self.progress.stage(stage);
        self.current = Some((stage, Instant::now()));
    }

    fn end(&mut self) {
        if let Some((stage, began)) = self.current.take() {
            self.timings.push(Timing { stage: stage.to_owned(), seconds: began.elapsed().as_secs_f64() });
        }
    }

    /// How long each stage took, the one that runs now included.
    pub(super) fn timings(&mut self) -> Vec<Timing> {
        self.end();
        self.timings.clone()
    }

    /// True if something fatal is known already, so that a build would prove nothing.
    pub(super) fn is_fatal(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Fatal)
    }

    pub(super) fn acknowledge(&mut self, accepted: &[Acceptance]) {
        acknowledgement::apply(&mut self.findings, accepted, jiff::Zoned::now().date());
    }

    /// Judges, and gives the report.
    pub(super) fn into_report(
        mut self,
        run: String,
        site: &LiveSite,
        change: &Change,
        offered: &[OfferedTheme],
        kept: Option<&StagedTree>,
    ) -> Report {
        self.end();
        self.findings = folded(self.findings);
        note_consequences(&mut self.findings);
        self.findings.sort_by_key(|finding| (!finding.inconclusive, std::cmp::Reverse(finding.severity)));
        if let (Some(staging), Some(kept)) = (&mut self.staging, kept) {
            staging.kept = Some(kept.root());
        }
        let mut themes: Vec<String> = change.themes.iter().map(|theme| theme.name.clone()).collect();
        if themes.is_empty() {
            themes.extend(self.touched.into_iter().filter(|name| offered.iter().any(|theme| theme.name == *name)));
        }
        themes.sort();
        themes.dedup();
        Report {
            schema_version: SCHEMA_VERSION,
            run,
            verdict: judge(&self.findings),
            promotable: false,
            answered_from: None,
            themes,
            site: SiteFacts {
                live: site.root.clone(),
                title: site.title(),
                fork: site.fork,
                toolchain: site.toolchain,
            },
            change: change_facts(change),
            rehearsal: None,
            staging: self.staging,
            precompile: self.precompile,
            fast: None,
            log: self.log,
            findings: self.findings,
            manifest_diff: self.manifest_diff,
            invariants: self.invariants,
            people: self.people,
            timings: self.timings,
            promotion: None,
        }
    }
}

/// What was said several times in the same words is one cause and one finding: a bundler reports a fault once for each of its
/// passes. Another message, even of the same kind, is another cause and stays.
fn folded(findings: Vec<Finding>) -> Vec<Finding> {
    let mut result: Vec<Finding> = Vec::new();
    for finding in findings {
        match result.iter_mut().find(|earlier| says_the_same(earlier, &finding)) {
            None => result.push(finding),
            Some(earlier) => {
                let places = finding.evidence.into_iter().filter(|place| matches!(place, Evidence::File { .. }));
                let new: Vec<Evidence> = places.filter(|place| !earlier.evidence.contains(place)).collect();
                earlier.evidence.extend(new);
            }
        }
    }
    result
}

/// A bundler says that a file could not be compiled, and another line says why: of the same file, or right below, of a part
/// that the file imports. With the reason at hand, the first is a note: it stays in the report, and the reader sees one cause.
fn note_consequences(findings: &mut [Finding]) {
    const WITHOUT_REASON: [&str; 4] =
        ["vite-css-failed", "webpack-module-failed", "webpack-loader-failed", "build-exit-status"];
    let file_of = |finding: &Finding| {
        finding.message.split_whitespace().next().map(|file| file.split(':').next().unwrap_or(file).to_owned())
    };
    let is_bare = |finding: &Finding| WITHOUT_REASON.contains(&finding.id.as_str());
    let is_reason =
        |finding: &&Finding| finding.severity == Severity::Fatal && !is_bare(finding) && finding.rule.is_some();
    let explained: Vec<String> = findings.iter().filter(is_reason).filter_map(file_of).collect();
    for at in 0..findings.len() {
        if !is_bare(&findings[at]) || findings[at].inconclusive {
            continue;
        }
        let (file, lines) = (file_of(&findings[at]), log_lines(&findings[at]).collect::<Vec<_>>());
        let below = findings.iter().position(|reason| {
            is_reason(&reason) && log_lines(reason).any(|line| line > 0 && lines.contains(&(line - 1)))
        });
        let same_file = file.as_ref().is_some_and(|file| explained.contains(file));
        if let (Some(below), Some(file), false) = (below, &file, same_file) {
            findings[below].evidence.insert(0, Evidence::File { path: file.into(), line: None, excerpt: None });
        }
        if below.is_some() || same_file {
            findings[at].severity = Severity::Benign;
        }
    }
}

/// The lines of the build log at which a finding can be seen.
fn log_lines(finding: &Finding) -> impl Iterator<Item = u64> {
    finding.evidence.iter().filter_map(|place| match place {
        Evidence::Log { line, .. } => Some(*line),
        Evidence::File { .. } => None,
    })
}

fn says_the_same(one: &Finding, other: &Finding) -> bool {
    let words = |finding: &Finding| {
        (finding.id.clone(), finding.message.clone(), finding.meaning.clone(), finding.help.clone())
    };
    let weight =
        |finding: &Finding| (finding.severity, finding.inconclusive, finding.baseline, finding.acknowledged.clone());
    words(one) == words(other) && weight(one) == weight(other)
}

fn change_facts(change: &Change) -> ChangeFacts {
    let left_out = change.left_out.iter().map(|file| LeftOutFact { path: file.path.clone(), why: file.why.clone() });
    ChangeFacts {
        source: source(&change.source),
        files: change.files.len()
            + change.links.len()
            + usize::from(change.is_of_the_tree() && change.registry.is_some()),
        removed: change.removed.len(),
        goes_live: match &change.goes_live {
            GoesLive::ByPromotion | GoesLive::Never => None,
            GoesLive::ByCommand(command) => Some(command.clone()),
            GoesLive::ByHand => Some(String::new()),
        },
        afterwards: match &change.source {
            ChangeSource::SiteRevision { repository, revision, is_own: true, .. } => {
                Some(format!("git -C {} reset -q {}", repository.display(), revision.given))
            }
            _ => None,
        },
        left_out: left_out.collect(),
    }
}

fn source(source: &ChangeSource) -> String {
    match source {
        ChangeSource::AsItIs => "none: the live tree as it is".to_owned(),
        ChangeSource::ThemeFolders(folders) => shown(folders),
        ChangeSource::Patch { file: None } => "the patch on standard input".to_owned(),
        ChangeSource::Patch { file: Some(file) } => file.display().to_string(),
        ChangeSource::Rehearsal { revision, .. } => format!("rehearsal of {revision} with the installed themes"),
        ChangeSource::ThemeRevision { repositories, revision } => format!("{} at {revision}", shown(repositories)),
        ChangeSource::SiteRevision { repository, revision, edits, .. } => {
            let edits = match edits.as_slice() {
                [] => String::new(),
                [one] => format!(", with the edit of {} here", one.display()),
                many => format!(", with {} edits here ({}, …)", many.len(), many[0].display()),
            };
            format!("{} at {revision}{edits}", repository.display())
        }
    }
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_one_finding_with_every_place() {
        let say =
            |line| Finding::fatal("css-loader-unresolved", "ft.scss wants nope.png").in_log(line, "ERROR in ft.scss");
        let at = |path: &str| say(1).at(path);
        let result = folded(vec![at("a.scss"), say(9), at("b.scss")]);
        assert_eq!(result, [at("a.scss").at("b.scss")]);
    }

    #[test]
    fn a_failed_file_whose_reason_is_known_is_a_note_and_one_without_stays() {
        let rule = |mut finding: Finding| {
            finding.rule = Some(finding.id.clone());
            finding
        };
        let mut findings = [
            rule(Finding::fatal("vite-css-failed", "app/a.scss could not be compiled (2 times)")),
            rule(Finding::fatal("vite-css-failed", "app/b.scss could not be compiled")),
            rule(Finding::fatal("sass-error", "app/a.scss:4 could not be compiled: Undefined variable.")),
        ];
        note_consequences(&mut findings);
        let grave: Vec<&str> =
            findings.iter().filter(|finding| finding.counts()).map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            grave,
            ["app/b.scss could not be compiled", "app/a.scss:4 could not be compiled: Undefined variable."]
        );
    }

    #[test]
    fn an_entry_that_fails_for_a_part_of_it_is_a_note_beside_the_part() {
        let rule = |mut finding: Finding| {
            finding.rule = Some(finding.id.clone());
            finding
        };
        let mut findings = [
            rule(Finding::fatal("vite-css-failed", "app/ft.scss could not be compiled.").in_log(12, "ft.scss")),
            rule(Finding::fatal("vite-css-failed", "app/gt.scss could not be compiled.").in_log(40, "gt.scss")),
            rule(Finding::fatal("sass-error", "app/ft/_part.scss:1 could not be compiled.").in_log(13, "Error: …")),
        ];
        note_consequences(&mut findings);
        let grave: Vec<&str> =
            findings.iter().filter(|finding| finding.counts()).map(|finding| finding.message.as_str()).collect();
        assert_eq!(grave, ["app/gt.scss could not be compiled.", "app/ft/_part.scss:1 could not be compiled."]);
        let entry = Evidence::File { path: "app/ft.scss".into(), line: None, excerpt: None };
        assert_eq!(findings[2].evidence.first(), Some(&entry));
    }

    #[test]
    fn another_file_or_another_weight_is_another_finding() {
        let one = Finding::fatal("css-loader-unresolved", "ft.scss wants nope.png");
        let other = Finding::fatal("css-loader-unresolved", "ft.scss wants gone.png");
        let unsure = one.clone().inconclusive();
        assert_eq!(folded(vec![one.clone(), other.clone(), unsure.clone()]), [one, other, unsure]);
    }
}
