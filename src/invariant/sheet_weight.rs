//! A theme's stylesheet styles something: it is not empty, and not a sliver beside the stock styles it replaces.

use std::collections::BTreeSet;

use super::{Invariant, Lookup, OfferedTheme, Subject, ThemeSheet};
use crate::finding::Finding;
use crate::manifest::ManifestFormat;

pub(super) const INVARIANT: Invariant =
    Invariant { id: "sheet-weight", statement: "A theme's stylesheet is not trivially small beside default's.", check };

/// A sheet with less than this share of the stock selectors does not contain the stock styles. Themes that restyle
/// Mastodon contain nearly all of them (they import `application`); a sheet of its own rules alone has a few by chance.
const STOCK_SHARE: f64 = 0.2;

fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let weigh = |theme: &OfferedTheme| {
        let read = subject.sheets.get(&theme.name)?;
        if read.sheet.rules == 0 {
            return Some(empty(subject, theme, read));
        }
        let name = theme.stock().filter(|_| subject.touched.contains(&theme.name))?;
        let stock = subject.sheets.get(&name).filter(|stock| stock.sheet.rules > 0)?;
        without_stock(subject, theme, read, (&name, stock))
    };
    subject.offered.iter().filter_map(weigh).collect()
}

fn empty(subject: &Subject<'_>, theme: &OfferedTheme, read: &ThemeSheet) -> Finding {
    let bytes = if read.bytes == 1 { "1 byte".to_owned() } else { format!("{} bytes", read.bytes) };
    let message = format!("The stylesheet of {} holds no rule at all ({bytes}).", theme.name);
    theme
        .show_in(Finding::fatal("theme-empty", message))
        .at(subject.staged.shown(&read.file))
        .meaning("Users of the theme see bare HTML: text and links on white.")
        .help(format!("Upload the whole theme again: app/javascript/{} is empty, or imports nothing.", theme.source))
}

fn without_stock(
    subject: &Subject<'_>,
    theme: &OfferedTheme,
    read: &ThemeSheet,
    (name, stock): (&str, &ThemeSheet),
) -> Option<Finding> {
    let share = share_of(&stock.sheet.selectors, &read.sheet.selectors);
    (share < STOCK_SHARE).then(|| {
        let message = format!(
            "The stylesheet of {} contains {:.0} % of the stock styles ({} bytes; {name} has {}).",
            theme.name,
            share * 100.0,
            read.bytes,
            stock.bytes
        );
        theme
            .show_in(Finding::review("theme-without-stock-styles", message))
            .at(subject.staged.shown(&read.file))
            .meaning("A theme replaces the stock stylesheet; without those styles most of the page is bare HTML.")
            .help(how_to_begin(subject, theme))
    })
}

fn how_to_begin(subject: &Subject<'_>, theme: &OfferedTheme) -> String {
    let is_vite = subject
        .staged
        .set
        .bundler()
        .or_else(|| subject.live.set.bundler())
        .is_some_and(|manifest| manifest.format == ManifestFormat::Vite);
    let import = if is_vite { "@use" } else { "@import" };
    match &theme.kind {
        // Sass never sees a .css file of Vite's, and nothing that it could import holds the stock styles.
        Lookup::Listed if is_vite && theme.source.ends_with(".css") => format!(
            "Write a new stylesheet with the two lines @use 'application'; and @use '{0}'; call it styles/{1}-theme.scss, and \
             name that one in config/themes.yml in the place of {2}.",
            theme.source.trim_start_matches("styles/").trim_end_matches(".css"),
            theme.name,
            theme.source
        ),
        Lookup::Listed => format!("Let app/javascript/{} begin with: {import} 'application';", theme.source),
        Lookup::Skin { flavour, .. } => format!(
            "Let the skin's stylesheet (app/javascript/{}) begin as that of {flavour}'s own skins does: it imports the \
             flavour's styles.",
            theme.source
        ),
    }
}

/// The share of `wanted` that is among `had`, 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a share for people, of counts far below 2^52")]
fn share_of(wanted: &BTreeSet<String>, had: &BTreeSet<String>) -> f64 {
    if wanted.is_empty() { 1.0 } else { wanted.intersection(had).count() as f64 / wanted.len() as f64 }
}
