//! Whether a theme's stylesheet would be found in the place of one that Mastodon ships: Sass takes `variables.scss`,
//! `_variables.scss` and `variables.css` for one and the same name. Pure.

use std::path::Path;

use super::places::is_stylesheet;
use crate::finding::Finding;

/// The finding that refuses the stylesheet `to` (relative to the live tree; `path` in the theme folder), should one of `names`,
/// the names in its live folder, be one that Mastodon `ships` and that Sass cannot tell from it.
pub(super) fn of(path: &Path, to: &Path, names: &[String], ships: &dyn Fn(&Path) -> bool) -> Option<Finding> {
    let wanted = sass_name(to)?;
    let same = |name: &&String| sass_name(&to.with_file_name(name)).is_some_and(|other| other == wanted);
    let taken = names.iter().filter(same).map(|name| to.with_file_name(name));
    let stock = taken.filter(|other| other != to).find(|other| ships(other))?;
    let message =
        format!("The theme would put {} beside {}, and to Sass the two have one name.", to.display(), stock.display());
    Some(
        Finding::fatal("change-shadows-mastodon", message)
            .at(path)
            .at(&stock)
            .meaning("Mastodon's own stylesheets would import the theme's file in place of theirs, or stop at the choice: the stock themes and the error page would change for everybody.")
            .help(format!("Give {} another name, and import it under that name.", path.display())),
    )
}

/// The name by which a stylesheet is imported: without the underscore and the ending.
fn sass_name(path: &Path) -> Option<String> {
    let stem = path.file_stem().filter(|_| is_stylesheet(path))?.to_string_lossy().into_owned();
    Some(stem.strip_prefix('_').map_or(stem.clone(), str::to_owned))
}
