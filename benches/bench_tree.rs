//! Makes a tree of Mastodon's shape to measure with: `cargo run --release --example bench_tree -- FOLDER [FILES]`.
//!
//! 59,848 files unless told otherwise, as many as a real Mastodon 4.6 has, and 740 MB (the real one: 778 MB): six files of
//! seven in `node_modules`, most of them small, a few of several megabytes, packages within packages. The same call makes the
//! same tree: names, bytes, modes and times. A folder that is there already, a fixture site say, is filled up: what is in it
//! stays, and packages and sources are added until the number of files is reached.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Of a real Mastodon 4.6.5 with its packages.
const FILES: usize = 59_848;

/// Sizes of the files of a real `node_modules` at these shares of their number; between them by the logarithm.
const SIZES: [(f64, f64); 9] = [
    (0.0, 24.0),
    (0.1, 150.0),
    (0.25, 570.0),
    (0.5, 1_250.0),
    (0.75, 3_200.0),
    (0.9, 9_500.0),
    (0.99, 108_000.0),
    (0.999, 1_000_000.0),
    (1.0, 8_500_000.0),
];

/// Of every thousand files so many lie in a folder, and the endings that they have there.
const SOURCES: [(usize, &str, &[&str]); 8] = [
    (36, "app/javascript", &["tsx", "ts", "js", "scss", "svg"]),
    (17, "app/models", &["rb"]),
    (9, "app/views", &["haml"]),
    (12, "config/locales", &["yml"]),
    (10, "db/migrate", &["rb"]),
    (8, "lib", &["rb", "rake"]),
    (45, "public/emoji", &["svg"]),
    (8, "spec", &["rb"]),
];

/// What a live tree needs to be taken for one.
const SKELETON: [(&str, &str); 5] = [
    ("config/themes.yml", "default: styles/application.scss\n"),
    ("app/javascript/styles/application.scss", "body {\n  color: #282c37;\n}\n"),
    ("package.json", "{\"name\": \"@mastodon/mastodon\", \"private\": true}\n"),
    ("yarn.lock", "# yarn lockfile v1\n"),
    (".env.production.sample", "LOCAL_DOMAIN=example.com\n"),
];

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let (folder, files) = (words.next(), words.next().map_or(Some(FILES), |word| word.to_str()?.parse().ok()));
    let (Some(folder), Some(files)) = (folder, files) else {
        return ExitCode::from(2);
    };
    match make(&PathBuf::from(folder), files) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _nobody_reads = writeln!(io::stderr(), "bench_tree: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make(root: &Path, wanted: usize) -> io::Result<()> {
    let mut tree = Tree { root: root.to_path_buf(), chance: Chance(0x6d61_7374_6f64_6f6e), files: 0 };
    tree.files = walkdir::WalkDir::new(root).into_iter().flatten().filter(|entry| entry.file_type().is_file()).count();
    for (name, text) in SKELETON {
        if !root.join(name).exists() {
            tree.write(Path::new(name), text.as_bytes(), 0o644)?;
        }
    }
    let missing = wanted.saturating_sub(tree.files);
    for (share, folder, endings) in SOURCES {
        tree.sources(Path::new(folder), missing * share / 1000, endings)?;
    }
    let mut number = 0;
    while tree.files < wanted {
        number += 1;
        let scope = if number % 6 == 0 { format!("@bench-scope-{}/", number % 40) } else { String::new() };
        let left = wanted - tree.files;
        let name = format!("{scope}bench-package-{number}");
        tree.package(&Path::new("node_modules").join(&name), left, 0)?;
        if number % 4 == 0 {
            tree.launcher(&name, number)?;
        }
    }
    Ok(())
}

struct Tree {
    root: PathBuf,
    chance: Chance,
    files: usize,
}

impl Tree {
    /// Files in folders up to four deep.
    fn sources(&mut self, folder: &Path, count: usize, endings: &[&str]) -> io::Result<()> {
        let mut place = folder.to_path_buf();
        for index in 0..count {
            if index % 12 == 0 {
                place = self.nested(folder, 3, "bench-part");
            }
            let ending = endings[self.chance.below(endings.len())];
            self.file(&place.join(format!("bench-{index}.{ending}")), 0o644)?;
        }
        Ok(())
    }

    /// A package of at most `most` files; one of twelve brings packages of its own.
    fn package(&mut self, folder: &Path, most: usize, depth: usize) -> io::Result<()> {
        let before = self.files;
        let count = self.package_files().min(most);
        for (index, name) in ["package.json", "README.md", "LICENSE", "index.js"].iter().enumerate().take(count) {
            self.file(&folder.join(name), if index == 3 { 0o755 } else { 0o644 })?;
        }
        let mut place = folder.join("dist");
        for index in 4..count {
            if index % 14 == 0 {
                place = self.nested(folder, 5, "part");
            }
            let ending = ["js", "mjs", "d.ts", "js.map", "cjs"][self.chance.below(5)];
            self.file(&place.join(format!("file-{index}.{ending}")), 0o644)?;
        }
        let left = most - (self.files - before);
        if depth < 3 && left > 0 && self.chance.below(12) == 0 {
            self.package(&folder.join("node_modules/bench-inner"), left, depth + 1)?;
        }
        Ok(())
    }

    /// Most packages have a dozen files, some thousands.
    fn package_files(&mut self) -> usize {
        match self.chance.below(100) {
            0..60 => 4 + self.chance.below(14),
            60..90 => 16 + self.chance.below(60),
            90..99 => 70 + self.chance.below(400),
            _ => 400 + self.chance.below(2400),
        }
    }

    fn nested(&mut self, folder: &Path, deepest: usize, name: &str) -> PathBuf {
        let depth = self.chance.below(deepest);
        (0..depth).fold(folder.to_path_buf(), |place, _| place.join(format!("{name}-{}", self.chance.below(6))))
    }

    /// A link as package managers put it in `node_modules/.bin`.
    fn launcher(&self, package: &str, number: usize) -> io::Result<()> {
        let folder = self.root.join("node_modules/.bin");
        fs::create_dir_all(&folder)?;
        symlink(format!("../{package}/index.js"), folder.join(format!("bench-{number}")))
    }

    fn file(&mut self, place: &Path, mode: u32) -> io::Result<()> {
        let size = self.chance.size();
        let bytes = self.chance.text(size);
        self.write(place, &bytes, mode)
    }

    fn write(&mut self, place: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let path = self.root.join(place);
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        file.write_all(bytes)?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000 + self.files as u64))?;
        self.files += 1;
        Ok(())
    }
}

/// `SplitMix64`: the same numbers on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits of chance are enough for a size")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are positive and below 12 MB")]
    fn size(&mut self) -> usize {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let upper = SIZES.iter().position(|(at, _)| *at > share).unwrap_or(SIZES.len() - 1);
        let ((from, small), (to, large)) = (SIZES[upper - 1], SIZES[upper]);
        (small * (large / small).powf((share - from) / (to - from))) as usize
    }

    /// Lines of hexadecimal numbers: text, neither holes nor zeros, and about as compressible as minified code.
    fn text(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size + 72);
        while bytes.len() < size {
            for _ in 0..4 {
                bytes.extend_from_slice(format!("{:016x} ", self.next()).as_bytes());
            }
            bytes.push(b'\n');
        }
        bytes.truncate(size);
        bytes
    }
}
