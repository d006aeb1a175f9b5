//! Tells lines that look like trouble from those that only contain its words.
//!
//! It is asked about lines that no rule knows. A miss hides an error; a false alarm teaches people to switch the gate off.

use super::vocabulary::{
    ADVICE, BEGINS, COMPLAINS, DECLARED, DEPRECATION, FAILED, FAILS, GOT_OVER, GRAVE, HARMLESS, LACKS, LEFT_OUT, NAMES,
    NEGATED, NEXT_STEP, OUTLIVED, PROSE, PROSE_END, SITE, SKIPPED, SPOKEN, STOPS, WARNS,
};

/// Only this much of a line is a message; what follows is data.
const READ: usize = 600;
/// How long the lines of wrapped prose are, at least and less than.
const WRAPPED_FROM: usize = 55;
const WRAPPED_TO: usize = 130;

/// How a line that no rule knows looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    Harmless,
    /// Somebody is told that something is old.
    Deprecation,
    /// It calls itself a warning, and advises how something could be done better; it names nothing that a build makes or lacks.
    Advice,
    /// It speaks of something that is absent, does not fit or was not done, and does not call itself a warning or an error.
    Remark,
    /// The same, of a thing that people see: a theme, a stylesheet, an entry.
    Complaint,
    /// It says itself that it is a warning or an error.
    Trouble,
}

/// Judges a line that holds one of the words of the vocabulary.
pub(crate) fn looks(text: &str) -> Looks {
    let text = beginning(text);
    if FAILED.is_match(text) {
        return Looks::Trouble;
    }
    if HARMLESS.is_match(text) && !FAILS.is_match(text) {
        return Looks::Harmless;
    }
    let cleared = NAMES.replace_all(text, "·");
    let cleared = NEGATED.replace_all(&cleared, "·");
    let old =
        DEPRECATION.is_match(&cleared) || (OUTLIVED.is_match(text) && !SITE.is_match(text) && !STOPS.is_match(text));
    if old && !GRAVE.is_match(&cleared) {
        return Looks::Deprecation;
    }
    let (declared, spoken) = (DECLARED.is_match(&cleared), SPOKEN.is_match(&cleared));
    let of_the_site = SITE.is_match(text);
    match (declared, spoken) {
        (true, _) if advises(text, &cleared) => Looks::Advice,
        (true, _) if of_the_site || !GOT_OVER.is_match(text) => Looks::Trouble,
        (true, _) => Looks::Remark,
        (false, _) if of_the_site && (spoken || SKIPPED.is_match(&cleared)) => Looks::Complaint,
        (false, true) if !GOT_OVER.is_match(text) && !says_what_is_next(text) => Looks::Remark,
        (false, _) => Looks::Harmless,
    }
}

/// True if a line says what is done next, and that is not that something is left out.
fn says_what_is_next(text: &str) -> bool {
    NEXT_STEP.is_match(text) && !LEFT_OUT.is_match(text)
}

/// True if all that a line declares is a warning, and that is mere advice.
fn advises(text: &str, cleared: &str) -> bool {
    ADVICE.is_match(text)
        && !SITE.is_match(text)
        && !LACKS.is_match(text)
        && !STOPS.is_match(text)
        && !DECLARED.is_match(&WARNS.replace_all(cleared, "·"))
}

/// True if the line itself says what was done instead, and speaks of nothing that people see.
pub(crate) fn got_over(text: &str) -> bool {
    let text = beginning(text);
    GOT_OVER.is_match(text) && !SITE.is_match(text)
}

/// True if a line says that something failed, though it begins as progress does (`Compiling dusk.scss failed`).
pub(crate) fn says_failed(text: &str) -> bool {
    FAILS.is_match(beginning(text))
}

/// True if a line may end in the middle of a sentence: as long as wrapped prose is, and no stop at its end.
pub(crate) fn breaks_off(text: &str) -> bool {
    (WRAPPED_FROM..WRAPPED_TO).contains(&text.len()) && PROSE_END.is_match(text)
}

/// True if a line reads like the middle of a sentence, and speaks of nothing that people see.
pub(crate) fn goes_on(text: &str) -> bool {
    PROSE.is_match(text) && !COMPLAINS.is_match(text) && !SITE.is_match(text)
}

/// True if a line complains of something that people see.
pub(crate) fn complains_of_the_site(text: &str, seems: Looks) -> bool {
    seems == Looks::Complaint || (seems == Looks::Trouble && SITE.is_match(beginning(text)))
}

/// True if a line that looks like trouble begins a complaint of its own, so that it is no part of what stands above it.
pub(crate) fn begins_complaint(text: &str) -> bool {
    BEGINS.is_match(text)
}

fn beginning(text: &str) -> &str {
    let end = text.char_indices().map(|(at, _)| at).find(|&at| at >= READ).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::{Looks, breaks_off, goes_on, looks};

    #[test]
    fn names_are_no_trouble() {
        for line in [
            "js/error-5c1e9f8459eede288c55.chunk.js",
            "error (1.4 MiB)",
            "Installing exception_notification 4.4.0",
            "public/packs/assets/warning-BFIitQ4E.png  1.92 kB",
            "0 errors, 0 warnings",
            "✅ No TypeScript errors",
            "➜  site git:(main) ✗ npm run build",
            "~/sites/board  main ✗                            13d ⚑",
            "Tests: failed: 0, passed: 12",
            "> eslint --max-warnings 0 && vite build",
            "compiled app/views/errors/500.html.erb",
            "+ is-error 2.2.2",
            "Parsed 312 SVG icons, skipped 0",
            "If you see the error \"Invalid binding\" in your build output, add it.",
        ] {
            assert_eq!(looks(line), Looks::Harmless, "{line}");
        }
    }

    #[test]
    fn complaints_are_trouble() {
        for line in [
            "Error: something odd",
            "Killed",
            "make: *** [src/ast.o] エラー 127",
            "WARNING: theme is old",
            "✘ something",
            "✅ No TypeScript errors, but the theme was skipped and failed",
            "➜  site git:(main) ✗ Error: something",
            "The process exited with code 3",
            "gpg: keyserver receive failed: No data",
            "kex_exchange_identification: Connection closed by remote host",
        ] {
            assert_eq!(looks(line), if line == "Killed" { Looks::Harmless } else { Looks::Trouble }, "{line}");
        }
    }

    #[test]
    fn what_is_only_spoken_of_is_a_remark() {
        for line in [
            "app.js: cannot read the thing",
            "ld: symbol(s) not found for architecture",
            "husky - .git can't be found (see https://typicode.github.io/husky)",
            "The credentials are missing",
            "merge: topic - not something we can merge",
            "No files matching the pattern \"nope/\" were found.",
        ] {
            assert_eq!(looks(line), Looks::Remark, "{line}");
        }
    }

    #[test]
    fn what_people_see_makes_a_complaint() {
        for line in ["theme dusk could not be read", "Skipping app/javascript/styles/dusk.scss", "no such stylesheet"] {
            assert_eq!(looks(line), Looks::Complaint, "{line}");
        }
    }

    #[test]
    fn what_was_looked_for_is_no_trouble() {
        for line in [
            "INFO  Checking for errors in 412 files",
            "Raven 3.1.2 configured not to capture errors: DSN not set",
            "Skipping functions preparation step: no functions directory set",
            "warn: [Function: warn]",
            "Running ESLint, reporting all errors and warnings",
        ] {
            assert_eq!(looks(line), Looks::Harmless, "{line}");
        }
    }

    #[test]
    fn what_the_line_itself_got_over_weighs_less() {
        assert_eq!(looks("statsd: connection refused (ignored)"), Looks::Remark);
        assert_eq!(looks("No wrangler.toml file found. Continuing."), Looks::Harmless);
        assert_eq!(looks("Image not found (web:1a2b). Building new image."), Looks::Harmless);
        for nothing in [
            "Could not read the list of packs; nothing will be generated.",
            "Cannot read config/webpacker.yml. No packs will be created.",
            "webpack config not found: running without it",
            "No packs found in app/javascript; the old ones will be used",
        ] {
            assert_eq!(looks(nothing), Looks::Remark, "{nothing}");
        }
        assert_eq!(looks("This may result in unexpected errors."), Looks::Harmless);
        for follows in [
            "Import cycle may lead to a broken bundle; compilation was aborted with an error",
            "Mixed versions might lead to an empty chunk, fatal: no output",
            "Plugin order may result in TypeError thrown while loading postcss",
        ] {
            assert_eq!(looks(follows), Looks::Trouble, "{follows}");
        }
        assert_eq!(looks("Skipping 'fsevents' build as platform linux is not supported"), Looks::Harmless);
        assert_eq!(looks("CHECKS file not found in container: Running simple container check..."), Looks::Harmless);
        assert_eq!(looks("No checks found in app.json. Simple checks will be performed"), Looks::Harmless);
        assert_eq!(looks("You can remove this warning by naming the versions of node yourself"), Looks::Harmless);
        assert_eq!(looks("No stylesheet found. A blank page will be used"), Looks::Complaint);
        assert_eq!(looks("Theme dusk not found. Building without it."), Looks::Complaint);
        assert_eq!(looks("Error: image not found. Building failed."), Looks::Trouble);
        assert_eq!(looks("Warning: cannot watch the disk, using polling"), Looks::Remark);
        assert_eq!(looks("Error in themes/dusk.scss (ignored)"), Looks::Trouble);
    }

    #[test]
    fn what_a_later_version_will_do_is_no_trouble() {
        for line in [
            "Calling it with a block will raise an ArgumentError in Rails 7.2.",
            "In a future version this will be an error.",
            "This may result in unexpected gem versions being used in your app.",
            "The web project completed with warnings in 4 s",
        ] {
            assert_eq!(looks(line), Looks::Harmless, "{line}");
        }
        assert_eq!(looks("It will raise an error now"), Looks::Trouble);
        assert_eq!(looks("compiled with errors"), Looks::Trouble);
    }

    #[test]
    fn wrapped_prose_goes_on() {
        assert!(breaks_off("Being able to do this is deprecated. Loading it while Rails starts is going"));
        assert!(goes_on("to be an error condition in later versions"));
        assert!(!goes_on("error: it could not be read"));
        for line in [
            "could not find what it needs",
            "permission denied while writing there",
            "build was aborted by the user",
            "theme tangerineui was skipped because its file is missing",
            "the manifest could not be written",
        ] {
            assert!(!goes_on(line), "{line}");
        }
        assert!(!breaks_off("More info and automated migrator: https://sass-lang.com/d/import"));
        assert!(!breaks_off("Being able to do this is deprecated. It was loaded while Rails was starting."));
    }

    #[test]
    fn advice_is_no_trouble_unless_it_names_what_a_build_makes_or_lacks() {
        for line in [
            "boot.rb:1: warning: Ractor is experimental, and the behavior may change in future versions of Ruby!",
            "WARNING:  open-ended dependency on rake (>= 0) is not recommended",
            "WARNING:  You don't have /srv/bin in your PATH, which is not in PATH of root",
            "warning: running this as root is discouraged",
        ] {
            assert_eq!(looks(line), Looks::Advice, "{line}");
        }
        for line in [
            "warning: the theme dusk is unused",
            "warning: this stylesheet is redundant",
            "warning: the fonts are unused",
            "warning: your postcss configuration is ignored, consider migrating",
            "warning: incompatible core, use of it is discouraged",
            "warning: mixin button is already defined",
            "warning: colours may change",
            "warning: this flag has no effect",
            "warning: it failed, which is not recommended",
            "warning: config/x is missing, consider adding it",
            "warning: something odd",
            "warning: it is recommended to rebuild, the last run was interrupted",
            "Warning: this version is no longer supported, exiting",
        ] {
            assert_eq!(looks(line), Looks::Trouble, "{line}");
        }
    }

    #[test]
    fn old_things_are_deprecations() {
        assert_eq!(looks("The legacy API has been deprecated."), Looks::Deprecation);
        assert_eq!(looks("WARNING: ruby-2.7 is past its end of life and is now unsupported."), Looks::Deprecation);
        assert_eq!(looks("Node.js 14.x is no longer actively supported!"), Looks::Deprecation);
        assert_eq!(
            looks("You will not receive security or critical stability updates for this version."),
            Looks::Harmless
        );
        assert_eq!(
            looks("WARNING: Sidekiq::Web.sessions= is no longer relevant and will be removed in Sidekiq 7.0."),
            Looks::Deprecation
        );
        assert_eq!(looks("WARNING: the theme dusk is no longer used and will be removed"), Looks::Trouble);
        assert_eq!(looks("WARNING: the theme dusk is no longer supported"), Looks::Trouble);
        assert_eq!(looks("error: this version is no longer supported"), Looks::Trouble);
    }
}
