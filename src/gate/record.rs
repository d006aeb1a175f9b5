//! What a check has gathered so far: findings, facts, and how long each stage took.

use std::time::Instant;

use super::Progress;
use crate::change::{Change, ChangeSource};
use crate::configuration::Acceptance;
use crate::finding::{Finding, Severity};
use crate::invariant::{InvariantResult, OfferedTheme};
use crate::manifest::diff::ManifestDiff;
use crate::report::{
    ChangeFacts, LeftOutFact, LogFacts, PrecompileFacts, Report, SCHEMA_VERSION, SiteFacts, StagingFacts, Timing,
};
use crate::rules::acknowledgement;
use crate::site::LiveSite;
use crate::staging::StagedTree;
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
        let mut seen = std::collections::HashSet::new();
        self.findings.retain(|finding| seen.insert(format!("{finding:?}")));
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
            themes,
            site: SiteFacts {
                live: site.root.clone(),
                title: site.title(),
                fork: site.fork,
                toolchain: site.toolchain,
            },
            change: change_facts(change),
            staging: self.staging,
            precompile: self.precompile,
            log: self.log,
            findings: self.findings,
            manifest_diff: self.manifest_diff,
            invariants: self.invariants,
            timings: self.timings,
        }
    }
}

fn change_facts(change: &Change) -> ChangeFacts {
    let left_out = change.left_out.iter().map(|file| LeftOutFact { path: file.path.clone(), why: file.why.clone() });
    ChangeFacts { source: source(&change.source), files: change.files.len(), left_out: left_out.collect() }
}

fn source(source: &ChangeSource) -> String {
    match source {
        ChangeSource::AsItIs => "none: the live tree as it is".to_owned(),
        ChangeSource::ThemeFolders(folders) => {
            folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
        }
    }
}
