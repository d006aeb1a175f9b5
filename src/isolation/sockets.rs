//! The sockets of services on this machine: a build that may not use the network must not reach the database through a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Looking up names and hosts goes through these, and nothing else does.
const HARMLESS: [&str; 5] =
    ["/run/systemd/resolve", "/run/systemd/userdb", "/run/systemd/journal", "/run/nscd", "/run/systemd/notify"];

/// Named pipes that the first process of the system listens to; a read-only mount does not keep root from writing to them.
const PIPES: [&str; 2] = ["/run/initctl", "/run/systemd/initctl/fifo"];

/// The paths of the sockets that somebody listens on or has bound (`/proc/net/unix`).
pub(super) fn listening() -> Vec<PathBuf> {
    parse(&fs::read_to_string("/proc/net/unix").unwrap_or_default())
}

fn parse(table: &str) -> Vec<PathBuf> {
    let path = |line: &str| line.split_whitespace().nth(7).filter(|path| path.starts_with('/')).map(real);
    let paths: BTreeSet<PathBuf> = table.lines().filter_map(path).collect();
    paths.into_iter().collect()
}

/// `/var/run` is a link to `/run`.
fn real(path: &str) -> PathBuf {
    let path = Path::new(path);
    let folder = path.parent().and_then(|folder| fs::canonicalize(folder).ok());
    folder.zip(path.file_name()).map_or_else(|| path.to_path_buf(), |(folder, name)| folder.join(name))
}

/// What to cover so that none of them can be reached: whole folders below `/run`, where a service that is started again
/// makes its socket anew; single sockets elsewhere.
pub(super) fn covers(sockets: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let harmful = sockets.iter().filter(|path| !HARMLESS.iter().any(|harmless| path.starts_with(harmless)));
    let (mut folders, mut files) = (BTreeSet::new(), BTreeSet::from(PIPES.map(PathBuf::from)));
    for path in harmful {
        let own_folder = path.strip_prefix("/run").ok().and_then(|below| {
            let mut parts = below.components();
            let first = parts.next()?;
            parts.next().map(|_| Path::new("/run").join(first)).filter(|folder| folder != Path::new("/run/systemd"))
        });
        match own_folder {
            Some(folder) => folders.insert(folder),
            None => files.insert(path.clone()),
        };
    }
    (folders.into_iter().collect(), files.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_covered_and_the_look_up_of_names_is_not() {
        let table = "Num RefCount Protocol Flags Type St Inode Path\n\
            0: 00000002 00000000 00010000 0001 01 10 /nonexistent/postgresql/.s.PGSQL.5432\n\
            0: 00000002 00000000 00010000 0001 01 11 @abstract\n";
        assert_eq!(parse(table), [PathBuf::from("/nonexistent/postgresql/.s.PGSQL.5432")]);
        let sockets = [
            "/run/postgresql/.s.PGSQL.5432",
            "/run/docker.sock",
            "/run/systemd/private",
            "/run/systemd/resolve/io",
            "/srv/x.sock",
        ];
        let (folders, files) = covers(&sockets.map(PathBuf::from));
        assert_eq!(folders, [PathBuf::from("/run/postgresql")]);
        for file in ["/run/docker.sock", "/run/systemd/private", "/run/initctl", "/srv/x.sock"] {
            assert!(files.contains(&PathBuf::from(file)), "{file} is not covered");
        }
        assert!(!files.iter().any(|file| file.starts_with("/run/systemd/resolve")));
    }
}
