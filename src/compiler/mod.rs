//! Which program compiles a staged tree, and the builtin one.

pub mod builtin;
mod fault;
mod output;
pub mod sheets;
mod sources;

use std::path::Path;
use std::str::FromStr;

use crate::precompile::CommandLine;
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
    /// Run in the staged tree.
    pub command: CommandLine,
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
            CompilerChoice::Command(line) => Self::of(CommandLine::shell(line)),
        }
    }

    fn rails(site: &LiveSite) -> Self {
        Self::of(CommandLine::rails(&site.root))
    }

    fn of(command: CommandLine) -> Self {
        Self { shown: command.to_string(), command, is_builtin: false }
    }

    fn builtin(own: &Path) -> Self {
        Self {
            shown: "the builtin compiler".to_owned(),
            command: CommandLine::new(own, [builtin::SUBCOMMAND]),
            is_builtin: true,
        }
    }
}
