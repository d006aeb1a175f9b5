//! The tables of each Mastodon, as far as theme settings go, and the people who live in them.

use postgres::Client;
use themegate::theme_setting::choice::Layout;

/// One generation of the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generation {
    pub(crate) name: &'static str,
    pub(crate) json: bool,
    pub(crate) things: bool,
    pub(crate) layout: Layout,
}

const fn generation(name: &'static str, json: bool, things: bool, layout: Layout) -> Generation {
    Generation { name, json, things, layout }
}

pub(crate) const GENERATIONS: [Generation; 8] = [
    generation("3.5", false, true, Layout::Theme),
    generation("4.1", false, true, Layout::Theme),
    generation("4.2", true, true, Layout::Theme),
    generation("4.3", true, true, Layout::Theme),
    generation("4.4", true, false, Layout::Theme),
    generation("4.6", true, false, Layout::Theme),
    generation("glitch-soc 2023", false, true, Layout::FlavourAndSkin),
    generation("glitch-soc 4.6", true, false, Layout::FlavourAndSkin),
];

pub(crate) fn named(name: &str) -> Generation {
    *GENERATIONS.iter().find(|generation| generation.name == name).unwrap()
}

pub(crate) const INJECTION: &str = "x'; DROP TABLE users; --";

/// Username, settings (where the generation has them; THEME stands for the members), and more columns of `users`.
pub(crate) const PEOPLE: [(&str, Option<&str>); 12] = [
    ("null", None),
    ("empty", Some("")),
    ("braces", Some("{}")),
    ("alice", Some(r#"{"default_privacy":"public",THEME,"web.reduce_motion":true}"#)),
    ("first", Some(r#"{THEME,"noindex":false}"#)),
    ("last", Some(r#"{"web.theme":"bad","noindex":false,THEME}"#)),
    ("spaced", Some("{ \"a\" : [1, {\"theme\":\"bad\"}] ,\n THEME , \"b\":1.50 }")),
    ("unicode", Some(r#"{"x":"\u00e9\/\ud83d\ude00 é😀",THEME,"y":"\"theme\":\"bad\""}"#)),
    ("Upper_CASE", Some("{THEME}")),
    ("suspended", Some("{THEME}")),
    ("unapproved", Some(r#"{"a":null,THEME}"#)),
    (INJECTION, Some("{THEME}")),
];

/// The members of a choice as Mastodon writes them.
pub(crate) fn members(layout: Layout, name: &str) -> String {
    match layout {
        Layout::Theme => format!(r#""theme":"{name}""#),
        Layout::FlavourAndSkin => format!(r#""flavour":"vanilla","skin":"{name}""#),
    }
}

pub(crate) fn create(client: &mut Client, generation: Generation) {
    let settings = if generation.json { ", settings text" } else { "" };
    let things = if generation.things { ", thing_type varchar, thing_id bigint" } else { "" };
    let index = if generation.things { "(thing_type, thing_id, var)" } else { "(var)" };
    client
        .batch_execute(&format!(
            "CREATE TABLE accounts (id bigserial PRIMARY KEY, username varchar NOT NULL DEFAULT '', domain varchar, suspended_at timestamp);
             CREATE UNIQUE INDEX ON accounts (lower(username), coalesce(lower(domain), ''));
             CREATE TABLE users (id bigserial PRIMARY KEY, email varchar NOT NULL DEFAULT '', account_id bigint NOT NULL REFERENCES accounts (id),
                 approved boolean NOT NULL DEFAULT true, disabled boolean NOT NULL DEFAULT false, sign_in_count integer NOT NULL DEFAULT 0,
                 created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now(){settings});
             CREATE TABLE settings (id bigserial PRIMARY KEY, var varchar NOT NULL, value text, created_at timestamp, updated_at timestamp{things});
             CREATE UNIQUE INDEX ON settings {index};"
        ))
        .unwrap();
}

/// Everybody in [`PEOPLE`], on a theme called `bad` where they have one, and remote accounts of the same names.
pub(crate) fn populate(client: &mut Client, generation: Generation) {
    for (name, template) in PEOPLE {
        let text = template.map(|template| template.replace("THEME", &members(generation.layout, "bad")));
        let account: i64 =
            client.query_one("INSERT INTO accounts (username) VALUES ($1) RETURNING id", &[&name]).unwrap().get(0);
        client.execute("INSERT INTO accounts (username, domain) VALUES ($1, 'remote.example')", &[&name]).unwrap();
        let user: i64 = client
            .query_one("INSERT INTO users (email, account_id) VALUES ($1, $2) RETURNING id", &[&name, &account])
            .unwrap()
            .get(0);
        if generation.json {
            client.execute("UPDATE users SET settings = $1 WHERE id = $2", &[&text, &user]).unwrap();
        }
        // Up to 4.1 these are the settings; on 4.2 and 4.3 they are left over, and nobody reads them.
        if generation.things && template.is_some_and(|template| template.contains("THEME")) {
            old_rows(client, generation.layout, user);
        }
    }
    client
        .batch_execute(
            "UPDATE accounts SET suspended_at = now() WHERE username = 'suspended' AND domain IS NULL;
             UPDATE users SET approved = false WHERE email = 'unapproved'",
        )
        .unwrap();
}

fn old_rows(client: &mut Client, layout: Layout, user: i64) {
    let values: &[(&str, &str)] = match layout {
        Layout::Theme => &[("theme", "bad")],
        Layout::FlavourAndSkin => &[("flavour", "vanilla"), ("skin", "bad")],
    };
    for (index, (key, value)) in values.iter().chain(&[("noindex", "false")]).enumerate() {
        // libyaml has written both forms.
        let end = if (user + i64::try_from(index).unwrap()) % 2 == 0 { "...\n" } else { "" };
        client
            .execute(
                "INSERT INTO settings (var, value, thing_type, thing_id, created_at, updated_at) \
                 VALUES ($1, $2, 'User', $3, now(), now())",
                &[key, &format!("--- {value}\n{end}"), &user],
            )
            .unwrap();
    }
}

/// Every row of both tables as text, by user: what must not change is compared with this.
pub(crate) fn dump(client: &mut Client, generation: Generation) -> Vec<String> {
    let users = if generation.json { "u.settings" } else { "NULL" };
    let things = if generation.things { "coalesce(thing_type, '-') || coalesce(thing_id, 0)" } else { "'-0'" };
    let rows = client
        .query(
            &format!(
                "SELECT 'user ' || u.email || ' ' || coalesce({users}, 'NULL') || ' ' || u.updated_at || u.approved FROM users u \
                 UNION ALL SELECT 'row ' || {things} || ' ' || var || ' ' || coalesce(value, 'NULL') FROM settings ORDER BY 1"
            ),
            &[],
        )
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
