//! Which themes Rails will offer once the change is live, and what is wrong with the registry that offers them.

use std::path::{Path, PathBuf};

use super::record::Record;
use crate::change::shipped::Shipped;
use crate::change::{Change, ChangeError, SiteFacts, is_stylesheet, loader, reach, tree};
use crate::finding::Finding;
use crate::invariant::{Lookup, OfferedTheme};
use crate::site::registry::{self, PathKind, Registry, RegistrySemantics};
use crate::site::{Fork, LiveSite, skins};

/// Hands what a change has to know of the site to whoever reads it.
pub(super) fn with_facts<T>(
    site: &LiveSite,
    registry: Option<&Registry>,
    read: impl FnOnce(&SiteFacts<'_>) -> Result<T, ChangeError>,
) -> Result<T, ChangeError> {
    let shipped = Shipped::of(&site.root, site.version, registry);
    read(&SiteFacts {
        live: &site.root,
        registry,
        toolchain: site.toolchain,
        fork: site.fork,
        version: site.version,
        packs: &site.packs,
        shipped: &|path| shipped.ships(path),
    })
}

/// What is wrong with a change beside its own files: it runs programs, it reaches outside of the sources, or into another theme.
pub(super) fn trespasses(change: &Change, registry: Option<&Registry>) -> Vec<Finding> {
    // Mastodon's own stylesheets may reach where they like.
    let may_reach = |path: &Path| change.is_of_the_tree() && tree::is_stock(path);
    let sheets = change.files.iter().filter(|file| is_stylesheet(&file.to) && !may_reach(&file.to));
    let reaching = sheets.filter_map(|file| {
        let text = String::from_utf8_lossy(&file.bytes().ok()?).into_owned();
        loader::named(&file.to, &text).or_else(|| reach::outside(&file.to, &text))
    });
    let others = registry.into_iter().filter(|_| !change.is_of_the_tree()).flat_map(Registry::entries);
    let others = others.filter(|entry| !change.themes.iter().any(|theme| theme.name == entry.name));
    reaching.chain(others.filter_map(|entry| into_other(change, entry))).collect()
}

fn into_other(change: &Change, other: &registry::RegistryEntry) -> Option<Finding> {
    let entry = Path::new(registry::PATHS_ROOT).join(&other.path);
    let folder = entry.with_extension("");
    let of_other = |path: &Path| path == entry || path.starts_with(&folder);
    let file = change.files.iter().find(|file| of_other(&file.to))?;
    let message =
        format!("The change replaces {}, which belongs to the installed theme {}.", file.to.display(), other.name);
    Some(
        Finding::review("change-touches-other-theme", message)
            .at(&file.to)
            .meaning(format!("Users of {} would see another theme from then on.", other.name))
            .help("If that is meant, accept it in themegate.toml; else give the theme's files names of their own."),
    )
}

/// The themes that will be offered, with the faults of the registry as it will be added to the findings.
pub(super) fn after(
    site: &LiveSite,
    registry: Option<Registry>,
    change: &Change,
    record: &mut Record<'_>,
) -> Vec<OfferedTheme> {
    if site.fork == Fork::GlitchSoc {
        record.findings.extend(skins::broken_flavours(&site.root).iter().map(broken_flavour));
        let added: Vec<&Path> = change.files.iter().map(|file| file.to.as_path()).collect();
        let stays = |skin: &skins::Skin| stays(site, change, &skin.place);
        return skins::of(&site.root, &added).into_iter().filter(stays).map(skin).collect();
    }
    let registry = match &change.registry {
        Some(text) => match Registry::parse(text.as_bytes()) {
            Ok(registry) => Some(registry),
            Err(findings) => {
                record.findings.extend(findings);
                None
            }
        },
        None => registry,
    };
    let Some(registry) = registry else {
        if !record.is_fatal() {
            record.findings.push(no_registry());
        }
        return Vec::new();
    };
    let semantics = RegistrySemantics { toolchain: site.toolchain, packs: &site.packs, version: site.version };
    let exists = |relative: &str| kind_after(site, change, relative);
    record.findings.extend(registry.faults(&semantics, &exists));
    registry.entries().iter().map(listed).collect()
}

/// The themes that the live tree offers as it is, each once; the last line of a name counts, as Ruby takes it.
pub(crate) fn live(site: &LiveSite, registry: Option<&Registry>) -> Vec<OfferedTheme> {
    if site.fork == Fork::GlitchSoc {
        return skins::of(&site.root, &[]).into_iter().map(skin).collect();
    }
    let Some(registry) = registry else { return Vec::new() };
    registry.names().into_iter().filter_map(|name| registry.get(name)).map(listed).collect()
}

/// What stands at a source path once the change is applied.
fn kind_after(site: &LiveSite, change: &Change, relative: &str) -> PathKind {
    let source = &site.output.source;
    let live = if change.removed.contains(&source.join(relative)) {
        PathKind::Missing
    } else {
        PathKind::of(&site.root.join(source), relative)
    };
    live.with_added(Path::new(relative), change.files.iter().filter_map(|file| file.to.strip_prefix(source).ok()))
}

/// Whether a skin is still there once the change has removed its files: a folder in which there never was one is.
fn stays(site: &LiveSite, change: &Change, place: &Path) -> bool {
    if !change.removed.iter().any(|gone| gone.starts_with(place)) {
        return true;
    }
    let files = walkdir::WalkDir::new(site.root.join(place)).into_iter().flatten();
    let mut files = files.filter(|entry| entry.file_type().is_file());
    let removed =
        |path: &Path| path.strip_prefix(&site.root).is_ok_and(|path| change.removed.iter().any(|gone| gone == path));
    change.files.iter().any(|file| file.to.starts_with(place)) || files.any(|entry| !removed(entry.path()))
}

/// A line of the registry as a theme that is offered.
fn listed(entry: &registry::RegistryEntry) -> OfferedTheme {
    OfferedTheme {
        name: entry.name.clone(),
        place: PathBuf::from(registry::PATH),
        line: Some(entry.line),
        source: entry.path.clone(),
        kind: Lookup::Listed,
    }
}

/// A skin as a theme that is offered.
fn skin(skin: skins::Skin) -> OfferedTheme {
    let source = skin.place.strip_prefix("app/javascript").unwrap_or(&skin.place);
    OfferedTheme {
        name: format!("{}/{}", skin.flavour, skin.name),
        source: source.to_string_lossy().into_owned(),
        place: skin.place,
        line: None,
        kind: Lookup::Skin { flavour: skin.flavour, skin: skin.name },
    }
}

fn broken_flavour(flavour: &skins::BrokenFlavour) -> Finding {
    let message = format!("{} cannot be read: {}.", flavour.place.display(), flavour.reason);
    let finding = Finding::fatal("flavour-not-readable", message);
    let finding = match flavour.line {
        Some(line) => finding.at_line(&flavour.place, line, ""),
        None => finding.at(&flavour.place),
    };
    finding
        .meaning("Rails and the build read the theme.yml of every flavour; with this one neither comes up.")
        .help("Mend the file (it needs a line such as `pack_directory: app/javascript/flavours/NAME/entrypoints`), or take the flavour's folder away.")
}

fn no_registry() -> Finding {
    Finding::fatal("registry-missing", "The live tree has no theme registry.")
        .at(registry::PATH)
        .meaning("Rails reads it when it starts; without it every page answers 500.")
        .help(format!("Put it back: git checkout {}", registry::PATH))
}
