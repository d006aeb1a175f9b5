//! Which program compiles a staged tree, and the builtin one.

pub mod builtin;
mod fault;
mod output;
mod sources;

use std::ffi::OsString;
use std::path::Path;
use std::str::FromStr;

use crate::site::LiveSite;

/// What the user asked for with `--compiler`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CompilerChoice {
    /// The site's own Rails where it has `bin/rails`, else the builtin compiler.
    #[default]
    Auto,
    /// `bundle exec rails assets:precompile`.
    Rails,
    /// The builtin SCSS compiler.
    Builtin,
    /// Another command line, run by `sh -c` in the staged tree.
    Command(String),
}

impl FromStr for CompilerChoice {
    type Err = std::convert::Infallible;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "auto" => Self::Auto,
            "rails" => Self::Rails,
            "builtin" => Self::Builtin,
            command => Self::Command(command.to_owned()),
        })
    }
}

/// The program that compiles, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// What the report shows.
    pub shown: String,
    /// Program and arguments, run in the staged tree.
    pub argv: Vec<OsString>,
    /// True for the builtin compiler: themes only, and never a promotion on a site with a toolchain of its own.
    pub is_builtin: bool,
}

impl Compiler {
    /// Decides for `site`; `own` is this program itself, which the builtin compiler runs in.
    #[must_use]
    pub fn decide(choice: &CompilerChoice, site: &LiveSite, own: &Path) -> Self {
        match choice {
            CompilerChoice::Rails => Self::rails(site),
            CompilerChoice::Auto if site.has_rails => Self::rails(site),
            CompilerChoice::Auto | CompilerChoice::Builtin => Self::builtin(own),
            CompilerChoice::Command(line) => {
                Self { shown: line.clone(), argv: vec!["sh".into(), "-c".into(), line.into()], is_builtin: false }
            }
        }
    }

    fn rails(site: &LiveSite) -> Self {
        let words: &[&str] = if site.root.join("Gemfile").is_file() {
            &["bundle", "exec", "rails", "assets:precompile"]
        } else {
            &["bin/rails", "assets:precompile"]
        };
        Self { shown: words.join(" "), argv: words.iter().map(OsString::from).collect(), is_builtin: false }
    }

    fn builtin(own: &Path) -> Self {
        Self {
            shown: "the builtin compiler".to_owned(),
            argv: vec![own.as_os_str().to_owned(), builtin::SUBCOMMAND.into()],
            is_builtin: true,
        }
    }
}
