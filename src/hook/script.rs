//! The hook file that git runs: a small shell script that finds themegate and hands the hook over to it. Pure.
//!
//! The second line carries a digest of all that follows, so that a file which somebody has edited is never taken for ours
//! alone, and never thrown away.

use std::path::Path;

use super::HookName;

/// What the name of a hook that was found is followed by while it is kept.
pub const KEPT_ENDING: &str = ".before-themegate";

const MARK: &str = "# themegate hook, version 1, digest ";

/// What a hook file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// Written by themegate, and as it was written.
    Themegate,
    /// Written by themegate, and edited since.
    EditedSince,
    /// Written by somebody else.
    SomebodyElse,
}

/// Tells who wrote a hook file.
#[must_use]
pub fn author(bytes: &[u8]) -> Author {
    let text = String::from_utf8_lossy(bytes);
    let Some((_, marked)) = text.split_once(MARK) else { return Author::SomebodyElse };
    match marked.split_once('\n') {
        Some((digest, body)) if digest == self::digest(body) && text.starts_with(&head(digest)) => Author::Themegate,
        _ => Author::EditedSince,
    }
}

/// The hook file for `hook`, which runs `program`; a `shared` one serves every repository of the user, and leaves those alone
/// that were not set up.
#[must_use]
pub fn text(hook: HookName, program: &Path, shared: bool) -> String {
    let name = hook.word();
    let program = quoted(&program.to_string_lossy());
    let flag = if shared { " --shared" } else { "" };
    let leave = if shared { "git config --get themegate.repository >/dev/null 2>&1 || exit 0\n" } else { "" };
    let body = format!(
        "# Asks themegate whether what comes by here would break the site. A hook that was here before runs first.\n\
         # To take it away: themegate hook uninstall --hook {name}\n\
         recorded={program}\n\
         program=$recorded\n\
         [ -x \"$program\" ] || program=$(command -v themegate) || program=\n\
         kept=\"${{0%/*}}/{name}{KEPT_ENDING}\"\n\
         if [ -n \"$program\" ]; then\n  exec \"$program\" hook run {name}{flag} --kept \"$kept\" -- \"$@\"\nfi\n\
         {leave}{}",
        without_program(hook)
    );
    format!("{}{body}", head(&digest(&body)))
}

fn head(digest: &str) -> String {
    format!("#!/bin/sh\n{MARK}{digest}\n")
}

fn digest(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex().chars().take(16).collect()
}

/// What the script does where themegate is gone: pushes are refused, all else goes on with the hook that was here before.
fn without_program(hook: HookName) -> String {
    let name = hook.word();
    let once = match hook {
        HookName::PreReceive => "",
        _ => "themegate: once, unjudged and unrecorded: git push --no-verify\n",
    };
    if hook.fails_closed() {
        return format!(
            "cat >&2 <<END\n\
             themegate: REFUSED. $recorded is gone and no themegate is in PATH, so nobody can judge this push.\n\
             themegate: install themegate again, then there: themegate hook install --hook {name}\n\
             themegate: without it from now on: mv $kept $0   (or rm $0, if there is no such file)\n\
             {once}END\nexit 1\n"
        );
    }
    format!(
        "echo \"themegate: $recorded is gone and no themegate is in PATH; {name} goes on without it.\" >&2\n\
         [ -x \"$kept\" ] || exit 0\n\
         if grep -q '\"$(dirname \"$0\")/h\"' \"$kept\"; then . \"$kept\"; exit; fi\n\
         exec \"$kept\" \"$@\"\n"
    )
}

/// True for the stub that husky writes into its `_` folder: it tells by its own name which script to run, and does nothing at
/// all under another name (husky 9, `index.js` and `husky`).
#[must_use]
pub fn is_husky_stub(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.len() < 200 && text.contains(". \"$(dirname \"$0\")/h\"")
}

/// A word for the shell, whatever it holds.
#[must_use]
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_file_is_known_and_an_edited_one_is_told_from_it() {
        let ours = text(HookName::PrePush, Path::new("/usr/bin/themegate"), false);
        assert_eq!(author(ours.as_bytes()), Author::Themegate);
        assert_eq!(author(format!("{ours}echo more\n").as_bytes()), Author::EditedSince);
        assert_eq!(author(ours.replace("#!/bin/sh\n", "#!/bin/bash\n").as_bytes()), Author::EditedSince);
        assert_eq!(author(b"#!/bin/sh\nexec themegate hook run pre-push\n"), Author::SomebodyElse);
    }

    #[test]
    fn a_path_with_spaces_and_quotes_stays_one_word() {
        assert_eq!(quoted("/opt/it's here/themegate"), r"'/opt/it'\''s here/themegate'");
    }

    #[test]
    fn only_the_hooks_of_a_push_refuse_without_the_program() {
        let text = |hook| text(hook, Path::new("/bin/themegate"), false);
        let refuses: Vec<HookName> =
            HookName::ALL.into_iter().filter(|hook| text(*hook).ends_with("exit 1\n")).collect();
        assert_eq!(refuses, [HookName::PrePush, HookName::PreReceive]);
    }

    #[test]
    fn huskys_stub_is_told_from_a_script_of_ones_own() {
        assert!(is_husky_stub(b"#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\""));
        assert!(!is_husky_stub(b"#!/bin/sh\n. \"$(dirname \"$0\")/helpers.sh\"\nrun\n"));
    }
}
