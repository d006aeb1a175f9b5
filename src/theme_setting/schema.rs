//! Finds out how a database keeps theme settings, by its columns: version numbers lie about this.

use std::collections::BTreeSet;

use postgres::GenericClient;

use super::choice::Layout;
use super::rows::refused;
use super::store::StoreError;

/// Where the settings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Users' settings are JSON in `users.settings` (4.2 and later). Rows of `settings` that still name a user are left
    /// over from before, and nobody reads them.
    pub users_have_settings: bool,
    /// `settings` has `thing_type` and `thing_id` (up to 4.3): the site's rows are those where both are null.
    pub settings_have_things: bool,
    /// Which keys the site uses.
    pub layout: Layout,
}

const COLUMNS: &str = "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
     WHERE a.attrelid IN (to_regclass('users'), to_regclass('accounts'), to_regclass('settings')) \
     AND a.attnum > 0 AND NOT a.attisdropped";

const HAS_FLAVOURS: &str = "SELECT EXISTS (SELECT 1 FROM settings WHERE var IN ('flavour', 'skin'))";

impl Schema {
    /// Probes the columns. `layout` is what the live tree says; without one, a row of `settings` has to tell.
    ///
    /// # Errors
    ///
    /// When the tables are missing or cannot be read.
    pub fn probe(client: &mut impl GenericClient, layout: Option<Layout>) -> Result<Self, StoreError> {
        let rows = client.query_typed(COLUMNS, &[]).map_err(refused("read its columns"))?;
        let columns: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
        let users_have_settings = columns.contains("users.settings");
        let settings_have_things = columns.contains("settings.thing_type");
        for needed in ["users.account_id", "accounts.username", "accounts.domain", "settings.var", "settings.value"] {
            if !columns.contains(needed) {
                return Err(StoreError::NotMastodon(format!("the column {needed} is missing")));
            }
        }
        if !users_have_settings && !settings_have_things {
            return Err(StoreError::NotMastodon("neither users.settings nor settings.thing_type exists".to_owned()));
        }
        let layout = layout.map_or_else(|| probe_layout(client), Ok)?;
        Ok(Self { users_have_settings, settings_have_things, layout })
    }
}

fn probe_layout(client: &mut impl GenericClient) -> Result<Layout, StoreError> {
    let rows = client.query_typed(HAS_FLAVOURS, &[]).map_err(refused("read the site's settings"))?;
    let flavours = rows.first().is_some_and(|row| row.get(0));
    Ok(if flavours { Layout::FlavourAndSkin } else { Layout::Theme })
}
