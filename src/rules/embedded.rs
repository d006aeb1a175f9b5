//! The rule packs that the program carries. A test compares this list with the folder `rules/`.

/// Name and text of every rule pack, in the order in which they are read.
pub const PACKS: &[(&str, &str)] = &[
    ("themegate", include_str!("../../rules/themegate.toml")),
    ("builtin", include_str!("../../rules/builtin.toml")),
    ("mastodon", include_str!("../../rules/mastodon.toml")),
    ("machine", include_str!("../../rules/machine.toml")),
    ("locale", include_str!("../../rules/locale.toml")),
    ("webpack", include_str!("../../rules/webpack.toml")),
    ("vite", include_str!("../../rules/vite.toml")),
    ("sass", include_str!("../../rules/sass.toml")),
    ("css", include_str!("../../rules/css.toml")),
    ("javascript", include_str!("../../rules/javascript.toml")),
    ("node", include_str!("../../rules/node.toml")),
    ("packages", include_str!("../../rules/packages.toml")),
    ("ruby", include_str!("../../rules/ruby.toml")),
    ("rails", include_str!("../../rules/rails.toml")),
    ("deploy", include_str!("../../rules/deploy.toml")),
    ("general", include_str!("../../rules/general.toml")),
];
