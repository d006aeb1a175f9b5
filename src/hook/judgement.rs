//! Has the gate judge a commit that a hook was told of, and turns the outcome into a word and an exit code.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::concern::Owner;
use super::repository::HookRepository;
use super::run::{HookRun, Listener};
use super::{CONFIG_KEY, HookError, HookName, LIVE_KEY, OWNER_KEY, STATE_KEY, wording};
use crate::change::revision::{LocalEdits, RepositoryPlace, SiteRevision};
use crate::configuration::{Configuration, HookSettings};
use crate::gate::{self, CheckRequest, GateError, Proposal, verify};
use crate::report::Report;
use crate::site::LiveSite;
use crate::site::lock::LockError;
use crate::verdict::Verdict;

/// What is judged.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// As people call it: the branch, or "this commit".
    pub(super) name: String,
    /// The commit.
    pub(super) commit: String,
    /// Folders with objects that the repository does not hold yet.
    pub(super) objects: Vec<PathBuf>,
}

/// Where a hook's judgement is made: the site, its settings, and whose repository the commits are from.
pub(super) struct Bench<'a> {
    request: &'a HookRun,
    live: Option<PathBuf>,
    state: Option<PathBuf>,
    config: Option<PathBuf>,
    place: PathBuf,
    pub(super) site: LiveSite,
    is_own_tree: bool,
    pub(super) owner: Owner,
    pub(super) settings: HookSettings,
}

impl<'a> Bench<'a> {
    /// Finds the site: as it was named, as it was recorded when the hook was installed, or where the repository is.
    pub(super) fn prepare(
        request: &'a HookRun,
        repository: &HookRepository,
        tip: Option<&str>,
    ) -> Result<Self, HookError> {
        let owner = match repository.setting(OWNER_KEY).as_deref() {
            Some("theme") => Owner::Theme,
            Some(_) => Owner::Site,
            None => repository.owner(tip),
        };
        let recorded = |key| repository.setting(key).map(PathBuf::from);
        let own_tree = || repository.top().filter(|_| owner == Owner::Site).map(Path::to_path_buf);
        let live = request.live.clone().or_else(|| recorded(LIVE_KEY)).or_else(own_tree);
        let state = request.state.clone().or_else(|| recorded(STATE_KEY));
        let config = request.config.clone().or_else(|| recorded(CONFIG_KEY));
        let site = LiveSite::inspect(live.as_deref(), state.as_deref())?;
        let settings = Configuration::read(config.as_deref(), &site.root)?.hook;
        let is_own_tree = request.hook != HookName::PreReceive && repository.has_working_tree(&site.root);
        Ok(Self { request, live, state, config, site, is_own_tree, place: repository.place(), owner, settings })
    }

    /// Judges a commit and says so; gives the exit code for git.
    pub(super) fn judge(&self, subject: &Subject, listener: &Listener<'_>) -> i32 {
        let hook = self.request.hook;
        (listener.say)(&wording::begins(subject, self.owner));
        match self.check(subject, listener) {
            Ok(report) => {
                (listener.say)(&wording::judged(hook, subject, &report));
                let lets_through = match report.verdict {
                    Verdict::Pass => true,
                    Verdict::Hold | Verdict::Block => false,
                    Verdict::Undecided => !hook.fails_closed(),
                };
                i32::from(!lets_through)
            }
            Err(GateError::Interrupted) => 130,
            Err(error) => {
                (listener.say)(&wording::not_judged(hook, &error.to_string(), wording::Record::Kept));
                i32::from(hook.fails_closed())
            }
        }
    }

    /// Waits for another themegate that is at work on the site, but not without end.
    fn check(&self, subject: &Subject, listener: &Listener<'_>) -> Result<Report, GateError> {
        let asked = Instant::now();
        let request = self.check_request(subject);
        let mut has_said = false;
        loop {
            match gate::check(&request, listener.progress) {
                Err(GateError::Lock(LockError::Held { holder })) if asked.elapsed() < self.patience() => {
                    if !std::mem::replace(&mut has_said, true) {
                        (listener.say)(&wording::waiting(&holder, self.patience()));
                    }
                    thread::sleep(Duration::from_millis(500));
                    if self.request.interrupted.load(Ordering::Relaxed) {
                        return Err(GateError::Interrupted);
                    }
                }
                outcome => return outcome,
            }
        }
    }

    /// Whoever commits waits for seconds, not for minutes.
    fn patience(&self) -> Duration {
        if self.request.hook.fails_closed() {
            self.settings.wait
        } else {
            self.settings.wait.min(Duration::from_secs(10))
        }
    }

    fn check_request(&self, subject: &Subject) -> CheckRequest {
        CheckRequest {
            live: self.live.clone(),
            state: self.state.clone(),
            config: self.config.clone(),
            proposal: self.proposal(subject),
            compiler: None,
            time_limit: None,
            stall_limit: None,
            memory_limit: None,
            staging: None,
            isolation: None,
            network: None,
            keep_stage: false,
            strict: false,
            fast: self.settings.fast.contains(&self.request.hook),
            by_hook: true,
            fresh: false,
            own: self.request.own.clone(),
            interrupted: std::sync::Arc::clone(&self.request.interrupted),
        }
    }

    /// The commit, as the gate takes it.
    fn proposal(&self, subject: &Subject) -> Proposal {
        let place = RepositoryPlace { path: self.place.clone(), objects: subject.objects.clone() };
        let rev = subject.commit.clone();
        match self.owner {
            Owner::Theme => Proposal::ThemeRevision { repositories: vec![place], rev },
            Owner::Site => {
                // Of the working tree that somebody commits and pushes from, nothing counts that is not committed. Elsewhere
                // files that git does not know stay beside what arrives.
                let edits = if self.is_own_tree { LocalEdits::LeaveOut } else { LocalEdits::Drop };
                Proposal::SiteRevision(SiteRevision { repository: Some(place), rev, base: None, edits })
            }
        }
    }

    /// Says what of the compiled tree no longer fits the sources; nothing if all does, or if nothing was compiled yet.
    pub(super) fn warn(&self, listener: &Listener<'_>) {
        let site = &self.site;
        let request = verify::VerifyRequest { tree: site.root.clone(), log: None, exit: None, strict: false };
        let was_compiled = site.root.join(&site.output.packs).is_dir();
        match verify::verify(&request, listener.progress) {
            Ok(report) if was_compiled && report.verdict != Verdict::Pass => {
                (listener.say)(&wording::no_longer_fits(self.request.hook, &report));
            }
            _ => {}
        }
    }
}
