//! Who sees which theme: what people chose, walked to what Rails makes of it with the themes that are offered.
//!
//! Pure; it must not know where a choice is stored, nor what is compiled.

use std::collections::BTreeMap;

use super::choice::Layout;
use super::usage::ThemeUsage;

/// What decides what a choice leads to.
#[derive(Debug, Clone)]
pub struct Offer<'a> {
    /// Which keys the site uses.
    pub layout: Layout,
    /// The themes that are offered; on glitch-soc `FLAVOUR/SKIN`.
    pub names: &'a [String],
    /// The theme of a site that has set none.
    pub shipped: &'a str,
    /// Whether there is the pseudo theme `system`.
    pub system: bool,
    /// Whether the site's own theme is looked up before it is used.
    pub site_is_checked: bool,
}

/// Who sees what, in numbers of users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    /// All local users.
    pub users: u64,
    /// Those whose own choice leads to a theme, by theme.
    pub chosen: BTreeMap<String, u64>,
    /// Everybody who sees a theme, by theme: those who chose it, and those who follow the site.
    pub sees: BTreeMap<String, u64>,
    /// Those who chose what is not offered, by choice. They see the site's theme.
    pub not_offered: BTreeMap<String, u64>,
    /// Those who chose nothing.
    pub following: u64,
    /// The site's own theme, as it is set or shipped.
    pub site: String,
    /// True where the site has set it, rather than taken what Mastodon ships.
    pub site_is_set: bool,
    /// What the site's own theme leads to; `None` where Rails looks for a theme that is not offered, and fails.
    pub site_shows: Option<String>,
    /// Users whose settings cannot be read.
    pub unreadable: u64,
}

impl Audience {
    /// Walks every choice.
    #[must_use]
    pub fn of(usage: &ThemeUsage, offer: &Offer<'_>) -> Self {
        let site = usage.site.clone().unwrap_or_else(|| offer.shipped.to_owned());
        let mut audience = Self {
            users: usage.chosen.values().sum::<u64>() + usage.following_the_site + usage.unreadable,
            following: usage.following_the_site,
            site_is_set: usage.site.is_some(),
            site_shows: offer.site(&site),
            unreadable: usage.unreadable,
            site,
            ..Self::default()
        };
        for (choice, count) in &usage.chosen {
            audience.add(choice, *count, offer);
        }
        audience.see(audience.site_shows.clone(), usage.following_the_site);
        audience
    }

    fn add(&mut self, choice: &str, count: u64, offer: &Offer<'_>) {
        match offer.chosen(choice, &self.site) {
            Some(name) => {
                *self.chosen.entry(name.clone()).or_default() += count;
                self.see(Some(name), count);
            }
            None => {
                *self.not_offered.entry(choice.to_owned()).or_default() += count;
                let shown = offer.instead_of(choice, &self.site).or_else(|| self.site_shows.clone());
                self.see(shown, count);
            }
        }
    }

    fn see(&mut self, name: Option<String>, count: u64) {
        if let Some(name) = name.filter(|_| count > 0) {
            *self.sees.entry(name).or_default() += count;
        }
    }

    /// Users who see the theme `name`, be it as a half of `system`.
    #[must_use]
    pub fn seeing(&self, name: &str) -> u64 {
        let halves = ["default", "mastodon-light"].contains(&name).then(|| self.sees.get("system")).flatten();
        self.sees.get(name).copied().unwrap_or_default() + halves.copied().unwrap_or_default()
    }

    /// True where everybody who is not signed in sees the theme `name`.
    #[must_use]
    pub fn visitors_see(&self, name: &str) -> bool {
        match self.site_shows.as_deref() {
            Some("system") => ["default", "mastodon-light", "system"].contains(&name),
            shown => shown == Some(name),
        }
    }

    /// Users who get an error page because the site's own theme leads nowhere.
    #[must_use]
    pub fn stranded(&self) -> u64 {
        if self.site_shows.is_some() { 0 } else { self.following + self.not_offered.values().sum::<u64>() }
    }
}

impl Offer<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|offered| offered == name) || self.system && name == "system"
    }

    /// What the site's own theme leads to.
    fn site(&self, site: &str) -> Option<String> {
        match self.layout {
            Layout::FlavourAndSkin => self.skin((None, None), site),
            Layout::Theme if self.has(site) => Some(site.to_owned()),
            Layout::Theme if self.site_is_checked => Some("default".to_owned()),
            Layout::Theme => None,
        }
    }

    /// What a user's own choice leads to; `None` if it is not offered.
    fn chosen(&self, choice: &str, site: &str) -> Option<String> {
        if self.layout == Layout::Theme {
            return self.has(choice).then(|| choice.to_owned());
        }
        let (flavour, skin) = parts(choice);
        let shown = self.skin((flavour, skin), site)?;
        let (seen_flavour, seen_skin) = parts(&shown);
        let kept = |wanted: Option<&str>, seen: Option<&str>| wanted.is_none() || wanted == seen;
        (kept(flavour, seen_flavour) && kept(skin, seen_skin)).then_some(shown)
    }

    /// On glitch-soc a choice that is offered only in part still counts for that part.
    fn instead_of(&self, choice: &str, site: &str) -> Option<String> {
        (self.layout == Layout::FlavourAndSkin).then(|| self.skin(parts(choice), site)).flatten()
    }

    /// glitch-soc (`app/controllers/concerns/theming_concern.rb`): the first flavour that exists of the user's, the site's,
    /// `glitch` and `vanilla`, and in it the first skin of the user's, the site's and `default`.
    fn skin(&self, (flavour, skin): (Option<&str>, Option<&str>), site: &str) -> Option<String> {
        let (site_flavour, site_skin) = parts(site);
        let exists = |flavour: &&str| self.names.iter().any(|name| parts(name).0 == Some(*flavour));
        let flavours = [flavour, site_flavour, Some("glitch"), Some("vanilla")];
        let flavour = flavours.into_iter().flatten().find(exists)?;
        let skins = [skin, site_skin, Some("default")].into_iter().flatten();
        skins.map(|skin| format!("{flavour}/{skin}")).find(|name| self.has(name))
    }
}

/// A choice's flavour and skin, `*` and absence being none.
fn parts(choice: &str) -> (Option<&str>, Option<&str>) {
    match choice.split_once('/') {
        Some(("*", skin)) => (None, Some(skin)),
        Some((flavour, skin)) => (Some(flavour), Some(skin)),
        None => (Some(choice), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(chosen: &[(&str, u64)], following: u64, site: Option<&str>) -> ThemeUsage {
        ThemeUsage {
            chosen: chosen.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            following_the_site: following,
            site: site.map(str::to_owned),
            ..ThemeUsage::default()
        }
    }

    fn audience(usage: &ThemeUsage, names: &[&str], layout: Layout, checked: bool) -> Audience {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Audience::of(
            usage,
            &Offer { layout, names: &names, shipped: "default", system: false, site_is_checked: checked },
        )
    }

    #[test]
    fn whoever_chose_what_is_not_offered_sees_the_sites_theme() {
        let usage = usage(&[("dusk", 3), ("gone", 2)], 10, None);
        let audience = audience(&usage, &["default", "dusk"], Layout::Theme, false);
        assert_eq!((audience.seeing("default"), audience.seeing("dusk"), audience.users), (12, 3, 15));
        assert_eq!(audience.not_offered["gone"], 2);
        assert!(audience.visitors_see("default") && audience.stranded() == 0);
    }

    #[test]
    fn a_site_theme_that_is_not_offered_strands_everybody_unless_rails_checks_it() {
        let usage = usage(&[("dusk", 3), ("gone", 2)], 10, Some("gone"));
        let old = audience(&usage, &["default", "dusk"], Layout::Theme, false);
        assert_eq!((old.site_shows.as_deref(), old.stranded()), (None, 12));
        let new = audience(&usage, &["default", "dusk"], Layout::Theme, true);
        assert_eq!((new.site_shows.as_deref(), new.stranded(), new.seeing("default")), (Some("default"), 0, 12));
    }

    #[test]
    fn system_is_seen_in_two_halves() {
        let names = ["default".to_owned(), "mastodon-light".to_owned()];
        let layout = Layout::Theme;
        let offer = Offer { layout, names: &names, shipped: "system", system: true, site_is_checked: false };
        let audience = Audience::of(&usage(&[("default", 1)], 4, None), &offer);
        assert_eq!((audience.seeing("default"), audience.seeing("mastodon-light")), (5, 4));
        assert!(audience.visitors_see("mastodon-light"));
    }

    #[test]
    fn a_skin_is_looked_for_in_the_flavour_that_counts() {
        let names = ["glitch/default", "vanilla/default", "vanilla/win95"];
        let usage =
            usage(&[("vanilla/win95", 1), ("*/win95", 2), ("vanilla/gone", 4), ("vanilla", 8)], 16, Some("glitch"));
        let audience = audience(&usage, &names, Layout::FlavourAndSkin, true);
        assert_eq!(audience.sees["vanilla/win95"], 1);
        assert_eq!(audience.sees["vanilla/default"], 12, "a flavour alone, and one whose skin is gone");
        assert_eq!(audience.sees["glitch/default"], 18, "the site's, and a skin that this flavour has not");
        assert_eq!(audience.not_offered.values().sum::<u64>(), 6);
    }
}
