//! glitch-soc's skins.

use themegate::change::ThemeKind;
use themegate::site::Toolchain;

use crate::{STOCK, Trees, above_benign, left_out, names};

#[test]
fn skins_are_for_glitch_soc_alone() {
    let skin = "mastodon/app/javascript/skins/vanilla/tangerine/common.scss";
    let trees = Trees::new();
    trees.overlay("mastodon/").theme(skin, "@import 'styles/tangerine';");
    let change = trees.read();
    assert_eq!((above_benign(&change), left_out(&change)), (vec![], vec![skin]));

    let trees = Trees::glitch();
    trees.overlay("mastodon/").theme(skin, "@import 'styles/tangerine';").theme("mastodon/config/themes.yml", STOCK);
    let change = trees.read();
    assert_eq!((above_benign(&change), names(&change)), (vec![], vec![("vanilla/tangerine", ThemeKind::New)]));
    assert_eq!((change.registry.clone(), left_out(&change)), (None, vec!["mastodon/config/themes.yml"]));

    let trees = Trees::glitch();
    trees.theme("skins/nowhere/tangerine.scss", "a{}");
    assert_eq!(above_benign(&trees.read()), ["skin-flavour-missing"]);
    let trees = Trees { toolchain: Toolchain::Vite, ..Trees::glitch() };
    trees.theme("skins/vanilla/tangerine/style.scss", "a{}");
    assert_eq!(above_benign(&trees.read()), ["skin-stylesheet-missing"]);
    let trees = Trees { toolchain: Toolchain::Vite, ..Trees::glitch() };
    trees.theme("skins/vanilla/mastodon-light/common.scss", "a{}");
    assert_eq!(above_benign(&trees.read()), ["change-overwrites-mastodon"]);
}

#[test]
fn a_skin_does_not_come_a_second_time_at_the_other_place() {
    let single = "app/javascript/skins/vanilla/calm.scss";
    let folder = "app/javascript/skins/vanilla/calm/common.scss";
    for (there, brought) in [(folder, single), (single, folder)] {
        let trees = Trees { toolchain: Toolchain::Vite, ..Trees::glitch() };
        trees.live(there, "a{}").theme(brought, "b{}");
        let change = trees.read();
        assert_eq!(above_benign(&change), ["skin-twice"], "{brought}");
        assert!(serde_json::to_string(&change.findings).unwrap().contains(there), "{brought}");
    }
    let trees = Trees { toolchain: Toolchain::Vite, ..Trees::glitch() };
    trees
        .live(single, "a{}")
        .theme(single, "@use 'calm/parts';")
        .theme("app/javascript/skins/vanilla/calm/_parts.scss", "b{}");
    let change = trees.read();
    assert_eq!((above_benign(&change), names(&change)), (vec![], vec![("vanilla/calm", ThemeKind::Update)]));
}
