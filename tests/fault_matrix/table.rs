//! `docs/faults.md`: what the plain precompile shows, beside what themegate says.

use std::fs;

use crate::plain::{PlainTable, plain_table};
use crate::row::{Matrix, matrix};
use crate::support::repository;

const HEAD: &str = "\
# What themegate says to each fault

Each row of `tests/faults.toml` is made on a copy of a real, compiled site (`fixtures/`), and `themegate check` is run on it by
`cargo test --test fault_matrix`, which fails unless the verdict and the finding are the ones below. The three columns before
them are what somebody sees who runs `bundle exec rails assets:precompile` on such a copy and looks at the result: its exit
code, whether it rewrote the manifest, and whether the theme `ft` is in it. They were measured once by running that command
(`THEMEGATE_FAULTS_MEASURE=1`) and are kept in `tests/faults-plain.toml`; a dash says that there is no plain command to compare
with (no Ruby on the site, or the row is about what the check itself is told), or that it was not measured.

Sites: `builtin` has neither Ruby nor Node; `webpacker` is Rails with webpack 4; `vite` is Rails with Vite 8; `glitch` is the same
in glitch-soc's shape. This page is written by `THEMEGATE_FAULTS_WRITE=1`.

| fault | site | exit | manifest | theme | themegate | finding |
|---|---|---|---|---|---|---|
";

fn table(matrix: &Matrix, plain: &PlainTable) -> String {
    let mut text = HEAD.to_owned();
    for fault in &matrix.fault {
        for site in &fault.sites {
            let expected = fault.on.get(site).unwrap_or(&fault.expect);
            let naive = match plain.get(&fault.id).and_then(|sites| sites.get(site)) {
                None => "– | – | –".to_owned(),
                Some(plain) => format!(
                    "{} | {} | {}",
                    plain.exit,
                    if plain.manifest_rewritten { "rewritten" } else { "untouched" },
                    if plain.theme_present { "present" } else { "absent" }
                ),
            };
            let finding = match (&expected.finding, &expected.error) {
                (Some(id), _) => format!("`{id}`"),
                (None, Some(error)) => format!("\"{error}\""),
                (None, None) => String::new(),
            };
            let finding = match fault.not_yet.get(site) {
                Some(instead) => format!("{finding} (not yet: {instead})"),
                None => finding,
            };
            let what = fault.what.replace('|', "\\|");
            text.push_str(&format!("| {what} | {site} | {naive} | **{}** | {finding} |\n", expected.verdict));
        }
    }
    text
}

#[test]
fn the_committed_table_is_the_one_that_is_tested() {
    let table = table(&matrix(), &plain_table());
    let path = repository().join("docs/faults.md");
    if std::env::var_os("THEMEGATE_FAULTS_WRITE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &table).unwrap();
    }
    eprintln!("{table}");
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), table, "run this test with THEMEGATE_FAULTS_WRITE=1");
}
