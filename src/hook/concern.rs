//! Whether a file can have anything to do with how a theme compiles. Pure: paths in, an answer out.
//!
//! It names what certainly has not; whatever it does not name is judged.

/// Folders at the root of Mastodon's tree that no asset compile reads.
const SITE_FOLDERS: [&str; 6] = ["docs", "spec", ".github", ".devcontainer", "chart", "nix"];

/// Files at the root of Mastodon's tree that no asset compile reads.
const SITE_FILES: [&str; 12] = [
    "AUTHORS.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FEDERATION.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    ".editorconfig",
    ".rspec",
    ".rubocop.yml",
    ".haml-lint.yml",
];

/// What a theme's repository says about itself. Folders here hold automation, never stylesheets.
const THEME_FOLDERS: [&str; 3] = [".github", ".gitlab", ".forgejo"];

/// Whose repository it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Mastodon's own tree, as the site runs it.
    Site,
    /// A theme.
    Theme,
}

impl Owner {
    /// The word it is recorded by.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Theme => "theme",
        }
    }
}

/// True unless the file at `path`, relative to the repository's root, certainly has nothing to do with a compile.
#[must_use]
pub fn concerns_a_build(path: &str, owner: Owner) -> bool {
    match (path.split_once('/'), owner) {
        (Some((folder, _)), Owner::Site) => !SITE_FOLDERS.contains(&folder),
        (Some((folder, _)), Owner::Theme) => !THEME_FOLDERS.contains(&folder),
        (None, Owner::Site) => !SITE_FILES.contains(&path),
        (None, Owner::Theme) => !(path.ends_with(".md") || path.starts_with("LICEN")),
    }
}

/// True if a link with this `target`, at `path`, may lead into a folder that is taken to be of no concern: then nothing is.
#[must_use]
pub fn link_may_lead_there(target: &str, owner: Owner) -> bool {
    let folders: &[&str] = match owner {
        Owner::Site => &SITE_FOLDERS,
        Owner::Theme => &THEME_FOLDERS,
    };
    target.split('/').any(|part| folders.contains(&part) || !concerns_a_build(part, owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_and_specs_of_a_site_are_of_no_concern() {
        for path in ["docs/a.md", "spec/models/user_spec.rb", ".github/workflows/test.yml", "README.md"] {
            assert!(!concerns_a_build(path, Owner::Site), "{path}");
        }
    }

    #[test]
    fn whatever_might_reach_a_build_is_judged() {
        for path in [
            "config/themes.yml",
            "app/javascript/styles/docs/a.scss",
            "app/models/user.rb",
            "package.json",
            ".gitattributes",
            ".gitmodules",
            "lib/assets/README.md",
            "spec",
            "docs",
            ".ruby-version",
        ] {
            assert!(concerns_a_build(path, Owner::Site), "{path}");
        }
        assert!(concerns_a_build("docs/theme.scss", Owner::Theme));
        assert!(!concerns_a_build("README.md", Owner::Theme));
    }

    #[test]
    fn a_link_into_such_a_folder_makes_it_a_concern() {
        assert!(link_may_lead_there("../../../docs/theme.scss", Owner::Site));
        assert!(link_may_lead_there("../README.md", Owner::Site));
        assert!(!link_may_lead_there("packs/sw.js", Owner::Site));
    }
}
