//! The arguments of `rollback-theme`, and its help.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  themegate rollback-theme --user alice                     back to the site's theme
  themegate rollback-theme --all-on tangerineui --dry-run   who is on it, and what they would see
  themegate rollback-theme --all-on tangerineui --to default --yes
  themegate rollback-theme --site --to default              the site's own theme
  themegate rollback-theme --undo ../.themegate/undo/2026-11-22T14-02-51.json
  themegate rollback-theme --user alice --print-sql         to paste into psql

On glitch-soc a theme is FLAVOUR or FLAVOUR/SKIN, and both settings are reset together.

Exit codes: 0 done, or nothing to do · 1 something was not changed · 2 usage · 3 the database gave no answer (the message
says whether anything was changed, or that nobody knows) · 6 another themegate is at it · 130 interrupted";

/// Gets people out of a broken theme: changes who uses which theme in the database, and can undo it
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("whose").required(true).args(["user", "all_on", "site", "undo"])))]
pub struct RollbackThemeArgs {
    /// Local users, by name
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub user: Vec<String>,
    /// Everybody who chose this theme
    #[arg(long, value_name = "THEME")]
    pub all_on: Option<String>,
    /// The site's own theme, which everybody without a choice sees
    #[arg(long)]
    pub site: bool,
    /// Put back what an undo file holds, where nobody has changed it since
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    pub undo: Option<PathBuf>,
    /// The theme to put them on [default: the site's theme; with --site, the one Mastodon ships]
    #[arg(long, value_name = "THEME")]
    pub to: Option<String>,
    /// By SQL, or by the Rails CLI where the database is out of reach
    #[arg(long, value_enum, default_value_t)]
    pub via: Via,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print SQL to paste into psql, and do nothing
    #[arg(long, conflicts_with = "undo")]
    pub print_sql: bool,
    /// Print commands for the Rails CLI, and do nothing
    #[arg(long, conflicts_with = "undo")]
    pub print_rails: bool,
    /// The Mastodon root [default: upwards from here, then ~/live]
    #[arg(long, value_name = "DIR")]
    pub live: Option<PathBuf>,
    /// postgres://USER@HOST:PORT/DATABASE, without a password [default: as .env.production says]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// How long to wait for a row that somebody else holds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub lock_timeout: u64,
    /// How long to wait before looking whether Rails wrote old values back
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    pub second_look: f64,
}

/// The way to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Via {
    /// A connection to PostgreSQL.
    #[default]
    Sql,
    /// `bin/rails runner`.
    Rails,
}
