//! Builds of the real sites that exit 0 and are not what they say: half done, or with files of the server in the output.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a failed assumption is the failure, and a skip is said aloud"
)]

mod support;

use support::{Checked, Kind, Site, skipped};

/// A check of a good theme with a build that is followed by `after`, on a site of its own.
fn check_with_build_and(after: &str) -> Checked {
    check_of(".ft { color: red; }\n", &format!("bundle exec rails assets:precompile && {after}"))
}

fn check_of(rules: &str, command: &str) -> Checked {
    let site = Site::copy(Kind::Vite);
    let theme = site.folder.path().join("theme");
    std::fs::create_dir_all(&theme).unwrap();
    std::fs::write(theme.join("ft.scss"), format!("@use 'application';\n{rules}")).unwrap();
    site.check(&["--compiler", command, "--theme", theme.to_str().unwrap()])
}

#[track_caller]
fn assert_found(checked: &Checked, verdict: &str, id: &str, path: &str) {
    checked.assert_verdict(verdict, 1);
    let finding = checked.finding(id).unwrap_or_else(|| panic!("no {id} among {:#?}", checked.grave()));
    assert!(finding["evidence"].to_string().contains(path), "{finding:#}");
}

#[test]
fn a_build_that_did_half_of_its_work_is_found_out() {
    if skipped(Kind::Vite, "a_build_that_did_half_of_its_work_is_found_out") {
        return;
    }
    let torn = check_with_build_and("echo x > $(ls public/packs/assets/themes/ft-*.css).br");
    assert_found(&torn, "block", "compressed-sibling-torn", ".css.br");
    let page = check_with_build_and(": > public/assets/500.html");
    assert_found(&page, "block", "static-page-empty", "public/assets/500.html");
    let rails = check_with_build_and("rm public/assets/.manifest.json");
    assert_found(&rails, "hold", "rails-manifest-missing", "public/assets/.manifest.json");
    let worker = check_with_build_and("rm public/packs/sw.js");
    assert_found(&worker, "hold", "public-link-dangling", "public/sw.js");
}

#[test]
fn files_that_something_changed_behind_the_manifest_are_one_finding() {
    if skipped(Kind::Vite, "files_that_something_changed_behind_the_manifest_are_one_finding") {
        return;
    }
    let checked = check_with_build_and("find public/packs -name '*.css' | while read f; do echo >> $f; done");
    assert_found(&checked, "block", "integrity-mismatch", ".css");
    let found: Vec<_> =
        checked.findings().into_iter().filter(|finding| finding["id"] == "integrity-mismatch").collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0]["message"].as_str().unwrap().contains(" others: "), "{found:#?}");
}

#[test]
fn a_file_of_the_server_in_the_output_blocks_however_its_path_was_put_together() {
    if skipped(Kind::Vite, "a_file_of_the_server_in_the_output_blocks") {
        return;
    }
    let rules = "$up: '.' + '.';\n.ft { background: url('#{$up}/#{$up}/#{$up}/Gemfile'); }\n";
    let checked = check_of(rules, "bundle exec rails assets:precompile");
    assert_found(&checked, "block", "output-from-outside", "public/packs/assets/Gemfile");
}

#[test]
fn a_change_that_alters_the_stock_theme_without_bringing_it_blocks() {
    if skipped(Kind::Vite, "a_change_that_alters_the_stock_theme_without_bringing_it_blocks") {
        return;
    }
    // Whatever it is in a build that takes one theme for another: the manifest sends everybody to the new one.
    let swap = "node -e \"const fs = require('fs'); const path = 'public/packs/.vite/manifest.json'; \
                const all = JSON.parse(fs.readFileSync(path)); const ft = all['styles/ft.scss']; \
                if (ft) all['styles/application.scss'] = ft; fs.writeFileSync(path, JSON.stringify(all))\"";
    let checked = check_with_build_and(swap);
    assert_found(&checked, "block", "change-alters-other-theme", "default: styles/application.scss");
}

#[test]
fn on_webpack_a_picture_without_a_source_needs_a_look() {
    if skipped(Kind::Webpacker, "on_webpack_a_picture_without_a_source_needs_a_look") {
        return;
    }
    let site = Site::copy(Kind::Webpacker);
    site.write("config/private/scan.png", [b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 30_000]].concat());
    let theme = site.folder.path().join("theme");
    std::fs::create_dir_all(&theme).unwrap();
    let rules = "@import 'application';\n$up: '.' + '.';\n.ft { background: url('#{$up}/#{$up}/#{$up}/config/private/scan.png'); }\n";
    std::fs::write(theme.join("ft.scss"), rules).unwrap();
    let checked = site.check(&["--theme", theme.to_str().unwrap()]);
    assert_found(&checked, "hold", "output-without-source", "public/packs/media/private/scan");
}
