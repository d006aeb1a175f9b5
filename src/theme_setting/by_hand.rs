//! What to paste for those who want to do it by hand: SQL for `psql`, Ruby for `bin/rails runner`. Pure.

use super::choice::{Choice, Layout};
use super::plan::Selection;
use super::yaml_value;

/// The statements for both ways of keeping settings, to be pasted into `psql` one transaction at a time.
#[must_use]
pub fn sql(layout: Layout, selection: &Selection, to: &Choice) -> String {
    let mut text = String::new();
    if *selection == Selection::Site {
        for (key, value) in layout.keys().iter().zip(&to.values) {
            text.push_str(&site_sql(key, value.as_deref()));
        }
        text.push_str("-- Then: RAILS_ENV=production bin/tootctl cache clear   (or wait ten minutes)\n");
        return text;
    }
    text.push_str("-- Mastodon 4.2 and later (\\d users shows a column \"settings\").\n");
    text.push_str("-- Compare the rows that each UPDATE returns with what you expect, then type COMMIT; or ROLLBACK;\nBEGIN;\nSET LOCAL lock_timeout = '5s';\n");
    for (key, value) in layout.keys().iter().zip(&to.values) {
        text.push_str(&text_sql(layout, key, value.as_deref(), selection));
    }
    text.push_str("\n-- Mastodon up to 4.1 (no such column). Keep what it returns: it is your undo log.\nBEGIN;\nSET LOCAL lock_timeout = '5s';\n");
    for (key, value) in layout.keys().iter().zip(&to.values) {
        text.push_str(&rows_sql(layout, key, value.as_deref(), selection));
    }
    text
}

/// A quoted SQL literal, whatever the name is.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\n', "\\n"))
}

fn site_sql(key: &str, value: Option<&str>) -> String {
    let Some(value) = value else {
        // Up to 4.3 the same table holds users' rows, and up to 4.1 these are their choices: one statement that spares them on
        // every version, whoever pastes it.
        return format!(
            "DELETE FROM settings s WHERE s.var = '{key}' AND to_jsonb(s)->>'thing_type' IS NULL \
             AND to_jsonb(s)->>'thing_id' IS NULL RETURNING *;\n"
        );
    };
    let value = literal(&yaml_value::document(value));
    let now = "now() AT TIME ZONE 'UTC'";
    format!(
        "-- Mastodon 4.4 and later:\nINSERT INTO settings (var, value, created_at, updated_at) VALUES ('{key}', {value}, {now}, {now}) \
         ON CONFLICT (var) DO UPDATE SET value = EXCLUDED.value, updated_at = EXCLUDED.updated_at RETURNING *;\n\
         -- Mastodon up to 4.3 (no row returned: the site has the shipped default):\nUPDATE settings SET value = {value}, \
         updated_at = {now} WHERE var = '{key}' AND thing_type IS NULL AND thing_id IS NULL RETURNING *;\n"
    )
}

/// The object without the key, compact and in its order; with the key appended if there is a value.
fn text_sql(layout: Layout, key: &str, value: Option<&str>, selection: &Selection) -> String {
    let added = value.map_or_else(String::new, |value| {
        format!(" UNION ALL SELECT to_json('{key}'::text)::text || ':' || to_json({}::text)::text, 1e9", literal(value))
    });
    let who = match selection {
        Selection::Names(names) => format!(
            " FROM accounts a WHERE a.id = u.account_id AND a.domain IS NULL AND lower(a.username) IN ({})",
            names.iter().map(|name| format!("lower({})", literal(name))).collect::<Vec<_>>().join(", ")
        ),
        Selection::AllOn(theme) => format!(
            " WHERE CASE WHEN coalesce(u.settings, '') = '' THEN false ELSE {} END",
            is_on(layout, theme, &|key| format!("u.settings::json->>'{key}'"))
        ),
        Selection::Site | Selection::Ids(_) => " WHERE false".to_owned(),
    };
    format!(
        "UPDATE users u SET settings = (SELECT '{{' || coalesce(string_agg(m.text, ',' ORDER BY m.place), '') || '}}' FROM (\
         SELECT to_json(e.key)::text || ':' || e.value::text AS text, e.place FROM json_each(coalesce(nullif(u.settings, ''), '{{}}')::json) \
         WITH ORDINALITY AS e(key, value, place) WHERE e.key <> '{key}'{added}) AS m){who} RETURNING u.id, u.settings;\n"
    )
}

fn is_on(layout: Layout, theme: &str, value: &dyn Fn(&str) -> String) -> String {
    let keys = layout.keys().iter().zip(theme.split('/'));
    let one = |(key, name): (&&str, &str)| format!("{} = {}", value(key), literal(name));
    if layout == Layout::FlavourAndSkin && !theme.contains('/') {
        return layout.keys().iter().map(|key| one((key, theme))).collect::<Vec<_>>().join(" OR ");
    }
    keys.map(one).collect::<Vec<_>>().join(" AND ")
}

fn rows_sql(layout: Layout, key: &str, value: Option<&str>, selection: &Selection) -> String {
    let who = match selection {
        Selection::Names(names) => format!(
            "s.thing_id IN (SELECT u.id FROM users u JOIN accounts a ON a.id = u.account_id AND a.domain IS NULL WHERE lower(a.username) IN ({}))",
            names.iter().map(|name| format!("lower({})", literal(name))).collect::<Vec<_>>().join(", ")
        ),
        Selection::AllOn(theme) => {
            let name = if layout == Layout::Theme { theme } else { theme.rsplit('/').next().unwrap_or(theme) };
            format!("s.value IN ({}, {})", literal(&yaml_value::document(name)), literal(&format!("--- {name}\n...\n")))
        }
        Selection::Site | Selection::Ids(_) => "false".to_owned(),
    };
    let (verb, set) = match value {
        Some(value) => (
            "UPDATE settings s SET value = ",
            format!("{}, updated_at = now() AT TIME ZONE 'UTC'", literal(&yaml_value::document(value))),
        ),
        None => ("DELETE FROM settings s", String::new()),
    };
    format!("{verb}{set} WHERE s.thing_type = 'User' AND s.var = '{key}' AND {who} RETURNING s.thing_id, s.value;\n")
}

/// The commands for the Rails CLI. Names stand in the environment, quoted for a shell, and never in Ruby.
#[must_use]
pub fn rails(layout: Layout, selection: &Selection, to: &Choice) -> String {
    let run = "RAILS_ENV=production";
    match selection {
        Selection::Site => layout
            .keys()
            .iter()
            .zip(&to.values)
            .map(|(key, value)| {
                let value = value.as_deref().unwrap_or("default");
                format!("{run} V={} bin/rails runner 'Setting[\"{key}\"] = ENV.fetch(\"V\")'\n", quoted(value))
            })
            .collect(),
        Selection::Names(names) => names.iter().map(|name| one_rails(layout, name, to, run)).collect(),
        Selection::AllOn(_) | Selection::Ids(_) => {
            "# For everybody on a theme: themegate rollback-theme --all-on THEME --via rails\n".to_owned()
        }
    }
}

fn one_rails(layout: Layout, name: &str, to: &Choice, run: &str) -> String {
    let values: String = layout
        .keys()
        .iter()
        .zip(&to.values)
        .map(|(key, value)| match value {
            Some(_) => format!("u.settings[\"{key}\"] = ENV.fetch(\"V_{}\"); ", key.to_uppercase()),
            None => format!("u.settings[\"{key}\"] = nil; "),
        })
        .collect();
    let environment: String = layout
        .keys()
        .iter()
        .zip(&to.values)
        .filter_map(|(key, value)| Some(format!("V_{}={} ", key.to_uppercase(), quoted(value.as_deref()?))))
        .collect();
    format!(
        "# Mastodon 4.2 and later; up to 4.1 write \"default\" where it says nil.\n\
         {run} U={} {environment}bin/rails runner 'u = Account.find_local!(ENV.fetch(\"U\")).user; {values}u.save!(validate: false)'\n",
        quoted(name)
    )
}

/// Quoted for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{rails, sql};
    use crate::theme_setting::choice::Layout;
    use crate::theme_setting::plan::Selection;

    #[test]
    fn a_name_stays_a_name_whatever_it_contains() {
        let name = "x'; DROP TABLE users; --\\";
        let text = sql(Layout::Theme, &Selection::Names(vec![name.to_owned()]), &Layout::Theme.none());
        assert!(text.contains(r"lower(E'x''; DROP TABLE users; --\\')"), "{text}");
        let text = rails(Layout::Theme, &Selection::Names(vec!["a'$(b)".to_owned()]), &Layout::Theme.none());
        assert!(text.contains(r"U='a'\''$(b)'"), "{text}");
        assert!(!text.contains("runner 'u = Account.find_local!(\"a"), "{text}");
    }
}
