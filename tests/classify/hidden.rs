//! Failures that something harmless stands above, around or in front of.

use super::{classified, ids, severity};
use themegate::finding::Severity;
use themegate::rules::{Level, RuleSet};

/// Until its end comes, nobody knows where such a block ends: what is fatal in it is told.
#[test]
fn a_block_that_names_its_end_hides_no_failure_if_the_end_never_comes() {
    let gem = "Bundle complete! 124 Gemfile dependencies, 290 gems now installed.\nPost-install message from x:\nThank you!\n";
    let package = "warning Error running install script for optional dependency: \"/x: Command failed.\nExit code: 1\nError: no gcc\n";
    for before in [gem, package, "WARNING in Circular dependency detected:\na.js -> b.js -> a.js\n"] {
        for failure in [
            "rails aborted!\nLoadError: cannot load such file -- blurhash\n",
            "SassError: Undefined mixin.\n",
            "vite v6.3.5 building for production...\nerror during build:\nError: x\n",
            "TypeError: Cannot read properties of undefined (reading 'hash')\n    at x (/srv/a.js:1:2)\n",
            "bundler: failed to load command: rails (/usr/local/bin/rails)\n",
        ] {
            let said = classified(format!("{before}{failure}").as_bytes());
            assert_eq!(severity(&said), Severity::Fatal, "{before}{failure}{:?}", ids(&said));
        }
    }
    let healthy =
        format!("{package}success Saved lockfile.\nCompiling...\nCompiled all packs in /srv/site/public/packs\n");
    assert_eq!(severity(&classified(healthy.as_bytes())), Severity::Benign);
}

#[test]
fn what_begins_as_progress_and_ends_as_a_failure_is_none() {
    for line in [
        "Compiling stylesheet dusk.scss failed",
        "Building theme dusk failed!",
        "Finished with 3 errors in 12 s",
        "Loaded theme dusk with errors",
        "Skipping dusk.scss as it could not be parsed",
        "Downloading sass binary failed",
        "info Theme dusk could not be compiled",
        "Failed!",
        "ABORTED",
        "stylelint detected errors",
        "  │ Error: Cannot find module './dusk.scss'",
    ] {
        assert!(severity(&classified(line.as_bytes())) > Severity::Benign, "{line}");
    }
    for line in [
        "Installing exception_notification 4.4.0",
        "Compiling error.scss",
        "Running ESLint, reporting all errors and warnings",
        "Built app.css with 0 errors",
        "info There appears to be trouble with your network connection. Retrying...",
        "Error",
        "public/packs/failed to load.js   0.23 kB",
    ] {
        assert_eq!(severity(&classified(line.as_bytes())), Severity::Benign, "{line}");
    }
}

#[test]
fn a_harmless_paragraph_hides_no_complaint() {
    let note = "(!) /srv/a.js is dynamically imported by /srv/b.js but also statically imported by /srv/c.js, dynamic import will \
                not move module into another chunk.\n";
    assert_eq!(severity(&classified(note.as_bytes())), Severity::Benign);
    for line in [
        "[vite-plugin-pwa] Unable to write the service worker",
        "    Could not read /srv/dusk",
        "Theme dusk could not be read",
    ] {
        assert!(severity(&classified(format!("{note}{line}\n").as_bytes())) > Severity::Benign, "{line}");
    }
}

/// A size at the end does not make a row of a table.
#[test]
fn a_failure_that_ends_with_a_size_is_told() {
    for line in
        ["FATAL: could not map anonymous shared memory of 148 MB", "Cannot allocate memory for a heap of 2048 MB"]
    {
        assert!(severity(&classified(line.as_bytes())) > Severity::Benign, "{line}");
    }
}

#[test]
fn what_a_script_stops_at_is_told_by_the_last_line() {
    for line in
        ["the input device is not a TTY\n", "fatal: not a git repository (or any of the parent directories): .git\n"]
    {
        assert!(severity(&classified(line.as_bytes())) > Severity::Benign, "{line}");
        assert_eq!(severity(&classified(format!("{line}✓ built in 2s\n").as_bytes())), Severity::Benign, "{line}");
    }
}

#[test]
fn marks_of_terminals_and_of_a_build_service_hide_nothing() {
    for line in ["\x1b_bk;t=1714557600123\x07Killed", "\x1b(B\x1b[m\x1b[31mSassError: Undefined mixin.\x1b(B\x1b[m"] {
        assert_eq!(severity(&classified(line.as_bytes())), Severity::Fatal, "{line}");
    }
}

/// What was refused along the way stops only what does not end well.
#[test]
fn rights_that_could_not_be_changed_stop_only_what_does_not_end_well() {
    for line in [
        "chown: changing ownership of 'public/system': Operation not permitted\n",
        "find: ‘/root’: Permission denied\n",
    ] {
        assert_eq!(severity(&classified(line.as_bytes())), Severity::Fatal, "{line}");
        assert_eq!(severity(&classified(format!("{line}✓ built in 2s\n").as_bytes())), Severity::Benign, "{line}");
    }
}

/// GitLab's runner cleans up after every job.
#[test]
fn a_job_of_gitlab_that_succeeded_holds_nothing() {
    let log = "$ bundle exec rails assets:precompile\n✓ built in 3s\nCleaning up project directory and file based variables\nJob succeeded\n";
    assert_eq!(severity(&classified(log.as_bytes())), Severity::Benign);
}

/// What stands right below something harmless, below a blank line, or below it and indented.
const PLACES: [(&str, &str); 3] = [("\n", ""), ("\n\n", ""), ("\n", "    ")];

const FAILURES: [&str; 14] = [
    "rails aborted!",
    "SassError: Undefined mixin.",
    "error during build:",
    "Error: boom",
    "ERROR in ./app/javascript/styles/dusk.scss",
    "error Command failed with exit code 1.",
    "Killed",
    "Webpacker::Manifest::MissingEntryError: x",
    "Invalid theme path \"a.b.scss\" in themes.yml, skipping",
    "Compilation failed:",
    "make: *** [x] Error 1",
    "sh: 1: vite: not found",
    "npm ERR! code 1",
    "✘ [ERROR] Could not resolve \"./x\"",
];

/// No rule knows them; at the margin they are told all the same.
const COMPLAINTS: [&str; 2] = ["Theme dusk could not be compiled", "warning: the theme dusk is broken"];

#[test]
fn no_harmless_example_of_a_rule_hides_a_failure_below_it() {
    let harmless = RuleSet::builtin().rules().iter().filter(|rule| rule.level <= Level::Benign);
    let examples = harmless.flat_map(|rule| rule.matches.iter().map(move |example| (&rule.id, &example.text)));
    for (id, example) in examples {
        if severity(&classified(example.as_bytes())) > Severity::Benign {
            // It shows what it is for by what stands around it.
            continue;
        }
        for (below, indent) in PLACES {
            let complaints = COMPLAINTS.iter().filter(|_| indent.is_empty());
            for failure in FAILURES.iter().chain(complaints) {
                let said = classified(format!("{example}{below}{indent}{failure}\n").as_bytes());
                assert!(severity(&said) > Severity::Benign, "{id}: {example}{below}{indent}{failure}");
            }
        }
    }
}

/// webpack prints what its loaders made of every other stylesheet right below the frames of an error, without a blank line.
#[test]
fn what_webpack_says_of_other_stylesheets_is_no_part_of_an_error() {
    let below = "    at /srv/node_modules/x/index.js:1:2\nChild mini-css-extract-plugin node_modules/css-loader/dist/cjs.js??ref--5-1!app/javascript/styles/innocent.scss:\n     5 assets\n";
    for error in [
        "Module build failed (from ./node_modules/sass-loader/dist/cjs.js):\nSassError: Undefined variable.\n",
        "Module build failed (from ./node_modules/css-loader/dist/cjs.js):\nError: Can't resolve './a.png' in '/srv/app/javascript/styles'\n",
        "Module build failed (from ./node_modules/postcss-loader/dist/cjs.js):\nError: Unknown node type in node creation\n",
        "Module build failed (from ./node_modules/x-loader/dist/cjs.js):\nError: no words for this\n",
    ] {
        let said = classified(format!("ERROR in ./app/javascript/styles/guilty.scss\n{error}{below}").as_bytes());
        assert_eq!(severity(&said), Severity::Fatal, "{error}");
        let told = format!("{:?}", said.findings);
        assert!(told.contains("guilty.scss") && !told.contains("innocent"), "{told}");
    }
}
