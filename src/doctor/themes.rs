//! Selectable means compiled: themes that are offered and cannot be rendered, and those that are compiled and not offered.

use std::collections::BTreeSet;
use std::path::Path;

use super::commands::quoted;
use super::patient::Patient;
use super::registry;
use crate::finding::Finding;
use crate::invariant::{Lookup, OfferedTheme};
use crate::manifest::ManifestFormat;
use crate::manifest::resolution::Resolution;
use crate::report::people::people;
use crate::site::{registry as themes_yml, theming};

pub(super) fn see(patient: &Patient<'_>) -> Vec<Finding> {
    let broken = patient.broken().map(|theme| not_compiled(patient, theme));
    broken.chain(compiled_and_not_offered(patient)).collect()
}

fn not_compiled(patient: &Patient<'_>, theme: &OfferedTheme) -> Finding {
    let name = &theme.name;
    let (what, raises) = match theme.resolve(&patient.tree.set) {
        Resolution::Found { entry, .. } => {
            (format!("what the manifest has for it, {}, is no stylesheet", entry.file), String::new())
        }
        Resolution::Absent { key, raises } => {
            (format!("the manifest has no stylesheet for it (no {key})"), format!(" Rails raises {raises}."))
        }
        Resolution::NoManifest => ("there is no manifest".to_owned(), String::new()),
    };
    let message = format!("{name} is offered in the settings, and {what}. {}", affected(patient, name));
    let meaning = format!(
        "Whoever has picked it gets \"Something went wrong on our side\" on every page, the settings page included.{raises}"
    );
    let why = registry::reason(patient, theme).map(|reason| format!(" Why: {reason}")).unwrap_or_default();
    mended(patient, theme, theme.show_in(Finding::fatal("theme-not-compiled", message)).meaning(meaning + &why))
}

/// Who gets the error pages, in one sentence.
pub(super) fn affected(patient: &Patient<'_>, name: &str) -> String {
    let Some(audience) = &patient.audience else { return "It is not known who uses it.".to_owned() };
    match (audience.seeing(name), audience.visitors_see(name)) {
        (0, false) => "Nobody uses it yet.".to_owned(),
        (count, false) => format!("{} it.", people(count, "uses", "use")),
        (count, true) => format!("It is the site's theme: every visitor sees it, and {}.", people(count, "does", "do")),
    }
}

/// With the commands that take it out of people's way, or compile it where it has to stay.
fn mended(patient: &Patient<'_>, theme: &OfferedTheme, finding: Finding) -> Finding {
    let commands = patient.commands;
    let name = &theme.name;
    let system = theming::offers_system(&patient.site.root);
    let finding = leave_site_theme(patient, name, finding);
    if let Lookup::Skin { skin, .. } = &theme.kind {
        if skin == "default" {
            return compiled(
                patient,
                finding,
                "Each flavour needs this skin; compile it in a stage and make that live:",
            );
        }
        return away(patient, theme, finding).command(commands.restart());
    }
    if name == "default" || system && name == "mastodon-light" {
        return compiled(patient, finding, "It cannot be withdrawn; compile it in a stage and make that live:");
    }
    let help = "Out of the settings now; afterwards see why it does not compile (themegate check):";
    let warning = match &patient.audience {
        None if !patient.site_is_checked => {
            format!(" If {name} is also the site's theme, first: {}", commands.rollback_theme("--site --to default"))
        }
        _ => String::new(),
    };
    let words = format!("withdraw {}", quoted(Path::new(name)));
    finding.help(format!("{help}{warning}")).command(commands.themegate(&words)).command(commands.restart())
}

fn compiled(patient: &Patient<'_>, finding: Finding, help: &str) -> Finding {
    let [check, promote] = patient.commands.compile();
    finding.help(help).command(check).command(promote).command(patient.commands.restart())
}

/// While the site's theme cannot be rendered, nobody sees a page: another one first, if there is one that can be.
fn leave_site_theme(patient: &Patient<'_>, name: &str, finding: Finding) -> Finding {
    let is_sites = patient.audience.as_ref().is_some_and(|audience| audience.visitors_see(name));
    let default = patient.offered.iter().find(|theme| theme.name == "default" && theme.name != name);
    let can_be_left = is_sites && default.is_some_and(|theme| patient.sheet(theme).is_some());
    if can_be_left { finding.command(patient.commands.rollback_theme("--site --to default")) } else { finding }
}

/// glitch-soc finds skins by folder each time it starts: out of `skins/` is out of the settings.
fn away(patient: &Patient<'_>, theme: &OfferedTheme, finding: Finding) -> Finding {
    let from = patient.commands.path(&theme.place);
    let to = patient.commands.path(Path::new(&format!("tmp/withdrawn-{}", theme.name.replace('/', "-"))));
    finding.help("Out of the settings now:").command(format!("mv {from} {to}"))
}

/// Harmless: nobody can pick them. Whoever chose one before sees the site's theme, and has it back once it is listed.
fn compiled_and_not_offered(patient: &Patient<'_>) -> Vec<Finding> {
    let offered: BTreeSet<&str> = patient.offered.iter().map(|theme| theme.name.as_str()).collect();
    let named = compiled_themes(patient).into_iter().filter(|name| !offered.contains(name.as_str()));
    named.map(|name| not_offered(patient, &name)).collect()
}

fn not_offered(patient: &Patient<'_>, name: &str) -> Finding {
    let chosen = patient.audience.as_ref().and_then(|audience| audience.not_offered.get(name));
    let who = chosen.map(|count| format!(" {} chosen it earlier.", people(*count, "has", "have"))).unwrap_or_default();
    Finding::benign("theme-not-offered", format!("{name} is compiled and not offered.{who}"))
        .at(themes_yml::PATH)
        .meaning("Nobody can pick it. Its files stay for open tabs, and for the day it is listed again.")
}

/// Themes that the manifest holds, by name: from the lookup with Vite; with webpacker, entries with a stylesheet that are
/// none of the site's own.
fn compiled_themes(patient: &Patient<'_>) -> Vec<String> {
    let set = &patient.tree.set;
    let Some(manifest) = set.bundler().filter(|_| patient.is_compiled()) else { return Vec::new() };
    if manifest.format == ManifestFormat::Vite {
        let names = set.lookup.iter().flat_map(|lookup| lookup.keys());
        let theme = |key: &String| {
            let name = key.strip_prefix("themes/").or_else(|| key.strip_prefix("skins/"))?;
            Some(name.strip_suffix(".css").unwrap_or(name).to_owned())
        };
        return names.filter_map(theme).collect();
    }
    let packs = &patient.site.packs;
    let is_theme = |name: &&str| {
        !name.contains('/') && manifest.entrypoints.contains_key(*name) && !packs.iter().any(|pack| pack == *name)
    };
    let names = manifest.entries.keys().filter_map(|key| key.strip_suffix(".css"));
    names.filter(is_theme).map(str::to_owned).collect()
}
