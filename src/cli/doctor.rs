//! `themegate doctor`: what is wrong with the running site, who is affected, and what to type.

use std::io::Write;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::doctor_watch::{self, WatchArgs};
use super::{SiteArgs, terminal};
use crate::configuration::Configuration;
use crate::doctor::{self, Commands};
use crate::gate::people;
use crate::report::diagnosis::{Diagnosis, write_json, write_text};
use crate::report::text::Layout;
use crate::site::LiveSite;
use crate::theme_setting::people as database;

const EXAMPLES: &str = "\
Examples:
  themegate doctor                          what is wrong now, who is affected, and what to type
  themegate doctor --verbose                harmless notes too
  themegate doctor --no-database            what the files say alone
  themegate doctor --format json | jq '.findings[].commands[]'
  themegate doctor --watch                  follow log/production.log for themes that pages do not find
  themegate doctor --watch --journal mastodon-web --withdraw

With --watch it runs until Ctrl-C; exit code 0 if no theme was missing, 1 if one was.

Exit codes: 0 nothing above harmless · 1 findings · 2 usage · 3 something could not be looked at";

/// What is wrong with the running site now, who is affected, and the exact command that mends it.
///
/// It only reads, takes no lock, and can be run beside a check or a promotion.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// How the findings are written
    #[arg(long, value_enum, default_value = "text", conflicts_with = "watch")]
    format: DoctorFormat,
    /// List harmless notes too
    #[arg(long, short)]
    verbose: bool,
    /// postgres://USER@HOST:PORT/DATABASE, without a password [default: as .env.production says]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The longest to wait for the database
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::configuration::parse_duration)]
    patience: Duration,
    /// Do not ask the database who uses which theme
    #[arg(long, conflicts_with_all = ["database_url", "need_database"])]
    no_database: bool,
    /// Undecided (exit code 3) where the database cannot be asked
    #[arg(long)]
    need_database: bool,
    #[command(flatten)]
    watch: WatchArgs,
}

/// How the findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For people.
    Text,
    /// For machines; the schema is schemas/diagnosis.schema.json.
    Json,
}

/// Looks and tells; gives the exit code.
///
/// # Errors
/// If there is no live tree, or the findings cannot be written.
pub fn run(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    if args.watch.watch {
        return doctor_watch::run(&args.watch, &args.site, out);
    }
    let site = LiveSite::inspect(args.site.live.as_deref(), args.site.state.as_deref())?;
    let settings = Configuration::read(args.site.config.as_deref(), &site.root)?;
    let commands =
        Commands::new(&site.root, args.site.live.as_deref(), args.site.state.as_deref(), settings.promotion.restart);
    let inquiry = if args.no_database { None } else { Some(ask(args, &site)?) };
    let mut diagnosis = doctor::examine(&site, &commands, inquiry)?;
    if args.need_database {
        diagnosis.need_people();
    }
    write(&diagnosis, args, out)?;
    Ok(diagnosis.standing.exit_code())
}

fn ask(args: &DoctorArgs, site: &LiveSite) -> anyhow::Result<database::Inquiry> {
    let mut settings = database::connection_of(&site.root);
    if let Some(url) = &args.database_url {
        settings = Ok(settings?.with_url(url)?);
    }
    Ok(database::ask(settings, people::layout(site), args.patience))
}

fn write(diagnosis: &Diagnosis, args: &DoctorArgs, out: &mut dyn Write) -> std::io::Result<()> {
    let layout = Layout { width: terminal::width(), verbose: args.verbose, stored: false };
    let written = match args.format {
        DoctorFormat::Text => write_text(diagnosis, layout, out),
        DoctorFormat::Json => write_json(diagnosis, out),
    };
    match written.and_then(|()| out.flush()) {
        // The reader went away: the exit code stands all the same.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
