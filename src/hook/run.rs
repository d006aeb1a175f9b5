//! What a hook does: first the hook that was there, then a judgement of what comes by, then a word and an exit code.
//!
//! It says what it has to say through a listener; it prints nothing itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::bypass::{self, Bypass};
use super::concern::Owner;
use super::incoming::{self, Branches, Fate, RefUpdate};
use super::judgement::{Bench, Subject};
use super::kept::{self, Given};
use super::repository::{HookRepository, Touch};
use super::{HookError, HookName, wording};
use crate::gate::Progress;

/// A call of a hook.
#[derive(Debug, Clone)]
pub struct HookRun {
    /// Which hook.
    pub hook: HookName,
    /// What git gave it.
    pub given: Given,
    /// Where the hook that was there before is kept, if there is one.
    pub kept: Option<PathBuf>,
    /// The hook serves every repository of the user: those that were not set up are left alone.
    pub shared: bool,
    /// The live tree, if it was named.
    pub live: Option<PathBuf>,
    /// The state folder, if it was named.
    pub state: Option<PathBuf>,
    /// The configuration, if it was named.
    pub config: Option<PathBuf>,
    /// The reason for letting everything through, if one was given; without any words it does not count.
    pub skip: Option<String>,
    /// The user that is on record for a bypass.
    pub user: String,
    /// This program's own file.
    pub own: PathBuf,
    /// Set when the user asks to stop.
    pub interrupted: Arc<AtomicBool>,
}

/// Hears what a hook has to say, and what its checks are doing.
pub struct Listener<'a> {
    /// Takes one paragraph for the person at the terminal.
    pub say: &'a dyn Fn(&str),
    /// Takes the stages of a check.
    pub progress: &'a dyn Progress,
}

/// Runs the hook; gives the exit code for git: 0 lets through.
#[must_use]
pub fn run(request: &HookRun, listener: &Listener<'_>) -> i32 {
    match earlier_hook(request, listener) {
        Ok(None) => return 0,
        Ok(Some(0)) => {}
        Ok(Some(code)) => return code,
        Err(error) => {
            (listener.say)(&wording::earlier_failed(&error));
            return i32::from(!request.hook.only_warns());
        }
    }
    match own_part(request, listener) {
        Ok(code) => code,
        Err(error) => {
            (listener.say)(&wording::not_judged(request.hook, &error.to_string(), wording::Record::Impossible));
            i32::from(request.hook.fails_closed())
        }
    }
}

/// Runs the hook that was there before; gives its exit code, or `None` if this call is within itself.
fn earlier_hook(request: &HookRun, listener: &Listener<'_>) -> Result<Option<i32>, HookError> {
    let Some(path) = &request.kept else { return Ok(Some(0)) };
    let hooks = path.parent().unwrap_or(path);
    let mark = request.given.mark(request.hook, hooks);
    if std::env::var_os(kept::RUNNING).is_some_and(|running| running == mark.as_str()) {
        return Ok(None);
    }
    let had_place = kept::ours_is_in_place(request.hook, path);
    let code = kept::run(request.hook, path, &request.given)?;
    if had_place && !kept::ours_is_in_place(request.hook, path) {
        (listener.say)(&wording::put_out(request.hook));
    }
    Ok(Some(code))
}

fn own_part(request: &HookRun, listener: &Listener<'_>) -> Result<i32, HookError> {
    let repository = HookRepository::open()?;
    if request.shared && repository.setting(super::OWNER_KEY).is_none() {
        return Ok(0);
    }
    match request.hook {
        HookName::PrePush | HookName::PreReceive => push(request, &repository, listener),
        HookName::PreCommit => commit(request, &repository, listener),
        HookName::PostCheckout | HookName::PostMerge => warn(request, &repository, listener),
    }
}

fn push(request: &HookRun, repository: &HookRepository, listener: &Listener<'_>) -> Result<i32, HookError> {
    let input = request.given.input.as_deref().unwrap_or_default();
    let updates = match request.hook {
        HookName::PreReceive => incoming::pre_receive(input)?,
        _ => incoming::pre_push(input)?,
    };
    let tip = updates.iter().find_map(|update| update.new.as_deref());
    let bench = Bench::prepare(request, repository, tip)?;
    let judged = to_judge(request, repository, &bench, &updates, listener);
    if judged.is_empty() || is_bypassed(request, &bench, &judged, listener)? {
        return Ok(0);
    }
    let mut code = 0;
    let mut done: Vec<&str> = Vec::new();
    for update in &judged {
        let Some(new) = update.new.as_deref().filter(|new| !done.contains(new)) else { continue };
        done.push(new);
        let subject = Subject {
            name: update.short().to_owned(),
            commit: new.to_owned(),
            objects: HookRepository::borrowed_objects(),
        };
        code = code.max(bench.judge(&subject, listener));
    }
    Ok(code)
}

/// Those that have to be judged; of the others it is said why not.
fn to_judge(
    request: &HookRun,
    repository: &HookRepository,
    bench: &Bench<'_>,
    updates: &[RefUpdate],
    listener: &Listener<'_>,
) -> Vec<RefUpdate> {
    let head = repository.head_branch();
    let branches = Branches::of(&bench.settings.branches, request.hook, head.as_deref());
    let remote = match request.hook {
        HookName::PrePush => request.given.arguments.first().map(|name| name.to_string_lossy().into_owned()),
        _ => None,
    };
    let mut judged = Vec::new();
    for update in updates {
        let why = match incoming::fate(update, &branches) {
            Fate::LetThrough(why) => Some(why),
            Fate::Judge => wording::untouched(repository.touch(
                update,
                remote.as_deref().map(|name| (name, &branches)),
                bench.owner,
            )),
        };
        match why {
            Some(why) => (listener.say)(&wording::let_through(update.short(), &why)),
            None => judged.push(update.clone()),
        }
    }
    judged
}

/// Lets the push through if a reason was given, and writes it down first.
fn is_bypassed(
    request: &HookRun,
    bench: &Bench<'_>,
    judged: &[RefUpdate],
    listener: &Listener<'_>,
) -> Result<bool, HookError> {
    let Some(reason) = request.skip.as_deref() else { return Ok(false) };
    if reason.is_empty() {
        (listener.say)(wording::NO_REASON);
        return Ok(false);
    }
    let short = |id: &str| id.get(..10).unwrap_or(id).to_owned();
    let refs = judged.iter().map(|update| format!("{} {}", update.name, short(update.new.as_deref().unwrap_or("-"))));
    let bypass = Bypass {
        time: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
        hook: request.hook.word().to_owned(),
        refs: refs.collect(),
        user: request.user.clone(),
        reason: reason.to_owned(),
    };
    let site = &bench.site;
    site.make_state().map_err(|error| HookError::Unrecorded(error.to_string()))?;
    bypass::record(&site.state, &bypass).map_err(|error| HookError::Unrecorded(error.to_string()))?;
    (listener.say)(&wording::bypassed(&bypass));
    Ok(true)
}

fn commit(request: &HookRun, repository: &HookRepository, listener: &Listener<'_>) -> Result<i32, HookError> {
    let bench = Bench::prepare(request, repository, None)?;
    if repository.touch_of_index(bench.owner) != Touch::Build {
        return Ok(0);
    }
    let scratch = tempfile::tempdir().map_err(super::in_file("make a folder in", &std::env::temp_dir()))?;
    let made = super::index_commit::IndexCommit::make(scratch.path())?;
    let update = RefUpdate { name: "the commit".to_owned(), old: None, new: Some(made.id.clone()) };
    if is_bypassed(request, &bench, &[update], listener)? {
        return Ok(0);
    }
    let mut objects = HookRepository::borrowed_objects();
    objects.push(made.objects);
    Ok(bench.judge(&Subject { name: "this commit".to_owned(), commit: made.id, objects }, listener))
}

/// After a checkout or merge of the site's own tree: does what is compiled still fit what is checked out?
fn warn(request: &HookRun, repository: &HookRepository, listener: &Listener<'_>) -> Result<i32, HookError> {
    let bench = Bench::prepare(request, repository, None)?;
    let words: Vec<String> = request.given.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (old, new) = match (request.hook, words.as_slice()) {
        (HookName::PostCheckout, [old, new, flag]) if flag == "1" => (old.clone(), new.clone()),
        (HookName::PostCheckout, _) => return Ok(0),
        _ => ("ORIG_HEAD".to_owned(), "HEAD".to_owned()),
    };
    let is_here = repository.top().is_some_and(|top| is_same(top, &bench.site.root));
    if bench.owner == Owner::Theme || !is_here || repository.touch_between(&old, &new, bench.owner) != Touch::Build {
        return Ok(0);
    }
    bench.warn(listener);
    Ok(0)
}

fn is_same(one: &std::path::Path, other: &std::path::Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
