//! Hooks that are configured rather than written: `hook.NAME.event` and `hook.NAME.command` (git-hook(1), git 2.54 and later).
//!
//! An older git passes them over without a word, so themegate configures none there; and it tells of those that are there.
//! git runs them before the hook's file, each with all of the input, and refuses what any of them refuses.

use std::ffi::OsStr;
use std::path::Path;

use super::install::Installed;
use super::place::Place;
use super::{HookError, HookName, script};

/// The first git that runs configured hooks (its release notes: "Hook commands are now allowed to be defined … in the
/// configuration files").
const SINCE: (u32, u32) = (2, 54);

/// One hook in git's configuration, as far as it concerns one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// What it is called.
    pub name: String,
    /// Where it is set: `local`, `worktree`, `global`, `system` or `command`.
    pub scope: String,
}

/// What git's configuration says of one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The hooks that git runs on it, in no special order.
    pub hooks: Vec<Configured>,
    /// All of them are switched off (`hook.EVENT.enabled = false`); hook files are run all the same.
    pub off: bool,
}

/// Our name in the configuration. git does not tell a command which event it runs for, so that each has a name of its own.
#[must_use]
pub fn name(hook: HookName) -> String {
    format!("themegate-{}", hook.word())
}

/// Refuses where the git at `place` would not run what is configured.
///
/// # Errors
/// If it is too old, or cannot be asked.
pub fn ensure_understood(place: &Place) -> Result<(), HookError> {
    let said = place.version()?;
    if version(&said).is_some_and(|version| version >= SINCE) { Ok(()) } else { Err(HookError::TooOld { said }) }
}

/// True if the git that is installed runs configured hooks.
#[must_use]
pub fn is_understood(place: &Place) -> bool {
    ensure_understood(place).is_ok()
}

/// `git version 2.47.3` and what vendors make of it: the first two numbers.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What is configured for `hook` at `place`.
#[must_use]
pub fn event(place: &Place, hook: HookName) -> Event {
    place.hook_settings().map(|said| read(&said, hook.word())).unwrap_or_default()
}

/// Reads what `git config --null --show-scope --get-regexp` says of hooks: the last word counts, and an empty event takes
/// back those before it.
fn read(said: &[u8], event: &str) -> Event {
    let text = String::from_utf8_lossy(said);
    let mut found = Event::default();
    let mut disabled: Vec<String> = Vec::new();
    let mut parts = text.split('\0');
    while let (Some(scope), Some(setting)) = (parts.next(), parts.next()) {
        let (key, value) = setting.split_once('\n').unwrap_or((setting, ""));
        let Some((name, what)) = key.strip_prefix("hook.").and_then(|rest| rest.rsplit_once('.')) else { continue };
        let is_off = ["false", "no", "off", "0"].contains(&value.to_ascii_lowercase().as_str());
        match what {
            "event" if value.is_empty() => found.hooks.retain(|hook| hook.name != name),
            "event" if value == event => {
                found.hooks.retain(|hook| hook.name != name);
                found.hooks.push(Configured { name: name.to_owned(), scope: scope.to_owned() });
            }
            "enabled" if is_off => disabled.push(name.to_owned()),
            "enabled" => disabled.retain(|off| off != name),
            _ => {}
        }
    }
    found.hooks.retain(|hook| !disabled.contains(&hook.name));
    found.off = disabled.iter().any(|name| name == event);
    found
}

/// True if `hook` is in the configuration of the repository at `place`.
#[must_use]
pub fn is_installed(place: &Place, hook: HookName) -> bool {
    place.recorded(&key(hook, "event")).is_some() || place.recorded(&key(hook, "command")).is_some()
}

/// Writes `hook` into the configuration of the repository at `place`, so that it runs `program`.
///
/// # Errors
/// If git is too old, refuses, or has all configured hooks of this event switched off.
pub fn install(place: &Place, hook: HookName, program: &Path) -> Result<Installed, HookError> {
    ensure_understood(place)?;
    if event(place, hook).off {
        return Err(HookError::SwitchedOff { event: hook.word() });
    }
    let command = command(hook, program);
    let was_there = is_installed(place, hook);
    let (as_it_was, event) = (place.recorded(&key(hook, "command")), place.recorded(&key(hook, "event")));
    if as_it_was.as_deref() == Some(&command) && event.as_deref() == Some(hook.word()) && is_run(place, hook) {
        return Ok(Installed::Unchanged);
    }
    // The command first: git dies of an event without one.
    place.record(&key(hook, "command"), Some(OsStr::new(&command)))?;
    place.record(&key(hook, "event"), Some(OsStr::new(hook.word())))?;
    place.record(&key(hook, "enabled"), None)?;
    if is_run(place, hook) {
        Ok(if was_there { Installed::Renewed } else { Installed::New })
    } else {
        Err(HookError::SwitchedOff { event: hook.word() })
    }
}

/// True if git would run ours.
fn is_run(place: &Place, hook: HookName) -> bool {
    event(place, hook).hooks.iter().any(|configured| configured.name == name(hook))
}

/// Takes `hook` out of the configuration again; false if it was not there.
///
/// # Errors
/// If git refuses.
pub fn uninstall(place: &Place, hook: HookName) -> Result<bool, HookError> {
    if !is_installed(place, hook) {
        return Ok(false);
    }
    place.forget_section(&format!("hook.{}", name(hook))).map(|()| true)
}

fn key(hook: HookName, what: &str) -> String {
    format!("hook.{}.{what}", name(hook))
}

/// The line that git has the shell run; git puts the hook's arguments behind it.
fn command(hook: HookName, program: &Path) -> String {
    let name = hook.word();
    let program = script::quoted(&program.to_string_lossy());
    let (gone, code) = if hook.fails_closed() {
        ("REFUSED, because nobody can judge this push", 1)
    } else {
        ("it goes on without it", 0)
    };
    format!(
        "p={program}; [ -x \"$p\" ] || p=$(command -v themegate) || {{ echo \"themegate: $p is gone and no themegate is in PATH; \
         {name}: {gone}. Install it again, or: git config --remove-section hook.{}\" >&2; exit {code}; }}; \
         exec \"$p\" hook run {name} --",
        self::name(hook)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_whoever_built_it() {
        for said in
            ["git version 2.54.0", "git version 2.55.0-rc1", "git version 2.60.1 (Apple Git-200)", "git version 3.0"]
        {
            assert!(version(said).unwrap() >= SINCE, "{said}");
        }
        for said in ["git version 2.47.3", "git version 2.53.9.windows.1", "git version 2.9"] {
            assert!(version(said).unwrap() < SINCE, "{said}");
        }
        assert_eq!(version("what?"), None);
    }

    fn settings(list: &[(&str, &str, &str)]) -> Vec<u8> {
        list.iter().flat_map(|(scope, key, value)| format!("{scope}\0{key}\n{value}\0").into_bytes()).collect()
    }

    #[test]
    fn the_hooks_of_an_event_are_those_that_git_would_run() {
        let said = settings(&[
            ("global", "hook.linter.event", "pre-commit"),
            ("global", "hook.linter.command", "lint"),
            ("global", "hook.a.b.event", "pre-push"),
            ("global", "hook.gone.event", "pre-push"),
            ("local", "hook.gone.event", ""),
            ("local", "hook.off.event", "pre-push"),
            ("local", "hook.off.enabled", "False"),
            ("local", "hook.on.event", "pre-push"),
            ("local", "hook.on.enabled", "false"),
            ("local", "hook.on.enabled", "true"),
        ]);
        let of = |event| read(&said, event).hooks.into_iter().map(|hook| (hook.name, hook.scope)).collect::<Vec<_>>();
        let pair = |name: &str, scope: &str| (name.to_owned(), scope.to_owned());
        assert_eq!(of("pre-push"), [pair("a.b", "global"), pair("on", "local")]);
        assert_eq!(of("pre-commit"), [pair("linter", "global")]);
        assert!(read(&settings(&[("system", "hook.pre-push.enabled", "off")]), "pre-push").off);
        assert!(!read(&said, "pre-push").off);
    }
}
