//! A compiled tree on disk: its manifests read, and the files they name within reach.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::finding::Finding;
use crate::manifest::{Manifest, ManifestError, ManifestFormat, ManifestSet, rails, vite, webpacker};
use crate::plain_file;
use crate::site::locate::real_path;
use crate::site::{OutputLayout, Toolchain};

/// A tree with compiled output in it: the live one, or the staged one after its build.
#[derive(Debug)]
pub struct CompiledTree {
    /// The tree.
    pub root: PathBuf,
    /// The web server's root in it, absolute.
    pub public: PathBuf,
    /// What its manifests say.
    pub set: ManifestSet,
    /// Manifests that are there and cannot be read.
    pub findings: Vec<Finding>,
    /// Whether a build that may be anybody's has just written it.
    pub(crate) is_staged: bool,
}

impl CompiledTree {
    /// Reads every manifest of the tree at `root`. An absent manifest is simply not there; one that cannot be read is a
    /// fatal finding.
    #[must_use]
    pub fn read(root: &Path, layout: &OutputLayout, toolchain: Toolchain) -> Self {
        Self::read_as(false, root, layout, toolchain)
    }

    /// The same of a staged tree after its build. What lies behind a link out of it was there before, whatever the build has
    /// compiled: a manifest there is not read, and an output folder there is a fatal finding.
    #[must_use]
    pub fn read_staged(root: &Path, layout: &OutputLayout, toolchain: Toolchain) -> Self {
        let mut tree = Self::read_as(true, root, layout, toolchain);
        let out: Vec<_> =
            layout.folders().into_iter().filter(|folder| tree.leads_out(&tree.root.join(folder))).collect();
        tree.findings.extend(out.iter().map(|folder| output_elsewhere(folder)));
        tree
    }

    fn read_as(is_staged: bool, root: &Path, layout: &OutputLayout, toolchain: Toolchain) -> Self {
        let mut tree = Self {
            is_staged,
            root: root.to_path_buf(),
            public: root.join(&layout.public),
            set: ManifestSet::default(),
            findings: Vec::new(),
        };
        match toolchain {
            Toolchain::Webpacker => tree.add(&layout.packs.join(webpacker::FILE), webpacker::parse),
            Toolchain::Vite => tree.add_vite(layout),
        }
        tree.add_rails(layout);
        tree
    }

    fn add_vite(&mut self, layout: &OutputLayout) {
        let folder = below(&layout.packs, &layout.public);
        let parse = |format| move |bytes: &[u8]| vite::parse(bytes, format, &folder);
        self.add(&layout.packs.join(vite::FILE), parse.clone()(ManifestFormat::Vite));
        self.add(&layout.packs.join(vite::ASSETS_FILE), parse(ManifestFormat::ViteAssets));
        let path = layout.packs.join(vite::LOOKUP_FILE);
        if let Some(bytes) = self.bytes(&path) {
            match vite::parse_lookup(&bytes) {
                Ok(lookup) => self.set.lookup = Some(lookup),
                Err(error) => self.findings.push(unreadable(&path, &error)),
            }
        }
    }

    fn add_rails(&mut self, layout: &OutputLayout) {
        let folder = below(&layout.assets, &layout.public);
        self.add(&layout.assets.join(rails::PROPSHAFT_FILE), |bytes| rails::parse_propshaft(bytes, &folder));
        let files = fs::read_dir(self.root.join(&layout.assets)).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| rails::is_sprockets_file(name)).collect();
        names.sort();
        for name in names {
            self.add(&layout.assets.join(name), |bytes| rails::parse_sprockets(bytes, &folder));
        }
    }

    fn add(&mut self, path: &Path, parse: impl Fn(&[u8]) -> Result<Manifest, ManifestError>) {
        let Some(bytes) = self.bytes(path) else { return };
        match parse(&bytes) {
            Ok(manifest) => self.set.manifests.push((path.to_string_lossy().into_owned(), manifest)),
            Err(error) => self.findings.push(unreadable(path, &error)),
        }
    }

    fn bytes(&mut self, path: &Path) -> Option<Vec<u8>> {
        match self.manifest(&self.root.join(path)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.findings.push(unreadable(path, &error));
                None
            }
        }
    }

    fn manifest(&self, path: &Path) -> io::Result<Vec<u8>> {
        if self.is_staged && self.leads_out(path) {
            return Err(io::Error::other("a link in its place leads out of the tree"));
        }
        plain_file::bytes(path)
    }

    fn leads_out(&self, path: &Path) -> bool {
        let roots = real_path(path).zip(real_path(&self.root));
        roots.is_some_and(|(real, root)| !real.starts_with(root))
    }

    /// Where a served file stands on disk; `served` is relative to the web server's root.
    #[must_use]
    pub fn path_of(&self, served: &str) -> PathBuf {
        self.public.join(served)
    }

    /// The same place, relative to the tree: what a report shows.
    #[must_use]
    pub fn shown(&self, served: &str) -> PathBuf {
        let path = self.path_of(served);
        path.strip_prefix(&self.root).map_or_else(|_| path.clone(), Path::to_path_buf)
    }

    /// The size of a served file in bytes, or `None` if it is not there.
    #[must_use]
    pub fn size_of(&self, served: &str) -> Option<u64> {
        fs::metadata(self.found(served)?).ok().map(|file| file.len())
    }

    /// The bytes of a served file.
    ///
    /// # Errors
    /// If it is not there, cannot be read, or is larger than any file of a compiled tree.
    pub fn read_served(&self, served: &str) -> io::Result<Vec<u8>> {
        plain_file::bytes(&self.found(served).ok_or(io::ErrorKind::NotFound)?)
    }

    /// A served file: a regular one, below the web server's root by its name and below the tree or its output folders by
    /// what links lead to. A manifest is a stranger's text and may name anything.
    fn found(&self, served: &str) -> Option<PathBuf> {
        let is_plain = Path::new(served).components().all(|part| matches!(part, Component::Normal(_)));
        let path = self.public.join(served);
        let real = real_path(&path).filter(|_| is_plain)?;
        let folder = Path::new(served).components().next().map(|first| self.public.join(first));
        let roots = [Some(self.root.clone()), folder].into_iter().flatten().filter_map(|root| real_path(&root));
        (path.is_file() && roots.into_iter().any(|root| real.starts_with(root))).then_some(path)
    }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Finding {
    Finding::fatal("manifest-unreadable", format!("The manifest {} cannot be read: {error}.", path.display()))
        .at(path)
        .meaning("Rails reads this file to find every stylesheet and script; without it each page answers 500.")
        .help("Compile again: RAILS_ENV=production bundle exec rails assets:precompile")
}

fn output_elsewhere(folder: &Path) -> Finding {
    let place = folder.display();
    Finding::fatal("output-elsewhere", format!("The build has put a link in the place of {place}, which leads out of the tree."))
        .at(folder)
        .meaning("What it leads to was there before, whatever the build has compiled: it proves nothing.")
        .help("See what in the build makes that link (Rakefile, lib/tasks, a deploy script), and leave the folder to the compiler.")
}

fn below(folder: &Path, public: &Path) -> String {
    folder.strip_prefix(public).unwrap_or(folder).to_string_lossy().into_owned()
}
