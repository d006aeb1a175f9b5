//! How many people use each theme. Only reads.

use std::collections::BTreeMap;

use postgres::types::Type;

use super::plan::{Selection, Stored};
use super::postgres::PostgresStore;
use super::rows::{BATCH, refused};
use super::store::{Store, StoreError};

/// Who uses what, in numbers. Suspended, unapproved and disabled users count: they may come back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThemeUsage {
    /// Users by the theme they chose themselves; on glitch-soc by `FLAVOUR`, `FLAVOUR/SKIN` or `*/SKIN`.
    pub chosen: BTreeMap<String, u64>,
    /// Users who chose none and see the site's.
    pub following_the_site: u64,
    /// The site's own theme; `None` where it is the one that Mastodon ships.
    pub site: Option<String>,
    /// Users whose settings cannot be read.
    pub unreadable: u64,
    /// True where the site's own row cannot be read.
    pub site_unreadable: bool,
}

/// How many people see each theme: their own, or the site's. `shipped` is the theme that applies where the site has set
/// none (from `config/settings.yml`).
///
/// # Errors
///
/// When the database cannot be read.
pub fn theme_usage(store: &mut PostgresStore<'_>, shipped: &str) -> Result<BTreeMap<String, u64>, StoreError> {
    let usage = ThemeUsage::count(store)?;
    let mut seen = usage.chosen;
    if usage.following_the_site > 0 {
        *seen.entry(usage.site.unwrap_or_else(|| shipped.to_owned())).or_default() += usage.following_the_site;
    }
    Ok(seen)
}

impl ThemeUsage {
    /// Counts.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn count(store: &mut PostgresStore<'_>) -> Result<Self, StoreError> {
        let mut usage = Self { following_the_site: people(store)?, ..Self::default() };
        let layout = store.layout();
        for holding in store.holdings(&Selection::Site)? {
            let choice = holding.stored.choice(layout);
            usage.site_unreadable = choice.is_err();
            usage.site = choice.ok().and_then(|choice| choice.name());
        }
        if store.schema().users_have_settings {
            usage.add_texts(store)?;
        } else {
            usage.add_rows(store)?;
        }
        let own: u64 = usage.chosen.values().sum();
        usage.following_the_site = usage.following_the_site.saturating_sub(own + usage.unreadable);
        Ok(usage)
    }

    fn add(&mut self, choice: Result<super::choice::Choice, String>) {
        match choice.map(|choice| choice.name()) {
            Ok(Some(name)) => *self.chosen.entry(name).or_default() += 1,
            Ok(None) => {}
            Err(_) => self.unreadable += 1,
        }
    }

    fn add_texts(&mut self, store: &mut PostgresStore<'_>) -> Result<(), StoreError> {
        let layout = store.layout();
        // A text in which no key occurs, not even in escapes, holds no choice.
        let statement = format!(
            "SELECT u.id, u.settings FROM users u WHERE u.id > $1 AND EXISTS (SELECT 1 FROM unnest($2::text[]) AS key \
             WHERE position(key in u.settings) > 0 OR position(chr(92) in u.settings) > 0) ORDER BY u.id LIMIT {BATCH}"
        );
        let keys = layout.keys();
        let mut after = i64::MIN;
        loop {
            let rows = store
                .client()
                .query_typed(&statement, &[(&after, Type::INT8), (&keys, Type::TEXT_ARRAY)])
                .map_err(refused("count the themes"))?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.get(0);
            for row in &rows {
                self.add(Stored::Json(row.get(1)).choice(layout));
            }
        }
    }

    /// Up to 4.1: the users' rows, put together by user.
    fn add_rows(&mut self, store: &mut PostgresStore<'_>) -> Result<(), StoreError> {
        let layout = store.layout();
        let statement = "SELECT DISTINCT s.thing_id FROM settings s JOIN users u ON u.id = s.thing_id \
                         WHERE s.thing_type = 'User' AND s.var = ANY($1)";
        let rows = store
            .client()
            .query_typed(statement, &[(&layout.keys(), Type::TEXT_ARRAY)])
            .map_err(refused("count the themes"))?;
        let ids = rows.iter().map(|row| row.get(0)).collect();
        for holding in store.holdings(&Selection::Ids(ids))? {
            self.add(holding.stored.choice(layout));
        }
        Ok(())
    }
}

fn people(store: &mut PostgresStore<'_>) -> Result<u64, StoreError> {
    let row = store.client().query_typed_one("SELECT count(*) FROM users", &[]).map_err(refused("count its users"))?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
}
