//! Signs that a console of another code page made something else of: `Γ£ô` and `Ô£ô` are `✓`, `тЬШ` is `✘`.
//!
//! A Windows console reads the UTF-8 of build tools in its own code page. What it makes of the signs by which they mark errors,
//! warnings and success is put right, so that rules need to know the signs alone. Words are left as they are.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// What the bytes from 0x80 on stand for, in the code pages of Windows consoles and editors.
const PAGES: [&str; 6] = [
    // 437, the United States.
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    // 850, Western Europe and Latin America.
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
    // 852, Central Europe.
    "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}",
    // 866, Russia.
    "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмноп░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀рстуфхцчшщъыьэюяЁёЄєЇїЎў°∙·√№¤■\u{a0}",
    // 1252, editors of the West.
    "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
    // 1251, editors of Russia.
    "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
];

/// The signs; each is of three bytes, so that what is made of it is no word of any language.
const SIGNS: [&str; 16] = ["✓", "✔", "✗", "✘", "✖", "✅", "❌", "⚠", "▲", "│", "╵", "╷", "ℹ", "➜", "●", "○"];

/// What became of a sign, and the sign.
struct Misread {
    found: AhoCorasick,
    signs: Vec<&'static str>,
}

static MISREAD: LazyLock<Misread> = LazyLock::new(|| {
    let pairs = || PAGES.iter().flat_map(|page| SIGNS.iter().map(move |sign| (as_read(sign, page), *sign)));
    let found = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(pairs().map(|(text, _)| text));
    Misread { found: found.expect("some constant texts"), signs: pairs().map(|(_, sign)| sign).collect() }
});

/// What a program that knows only this code page shows for a sign.
fn as_read(sign: &str, page: &str) -> String {
    sign.bytes().filter_map(|byte| page.chars().nth(usize::from(byte) - 0x80)).collect()
}

/// Writes the line with its signs put right; false, and nothing written, if there are none to put right.
pub(crate) fn mend(line: &[u8], out: &mut Vec<u8>) -> bool {
    let misread = &*MISREAD;
    let mut rest = 0;
    for found in misread.found.find_iter(line) {
        if rest == 0 {
            out.clear();
        }
        out.extend_from_slice(&line[rest..found.start()]);
        out.extend_from_slice(misread.signs[found.pattern().as_usize()].as_bytes());
        rest = found.end();
    }
    if rest > 0 {
        out.extend_from_slice(&line[rest..]);
    }
    rest > 0
}

#[cfg(test)]
mod tests {
    use super::{PAGES, mend};

    fn mended(text: &str) -> String {
        let mut out = Vec::new();
        if mend(text.as_bytes(), &mut out) { String::from_utf8(out).unwrap() } else { text.to_owned() }
    }

    #[test]
    fn a_page_has_a_character_for_each_byte() {
        for page in PAGES {
            assert_eq!(page.chars().count(), 128, "{page}");
        }
    }

    #[test]
    fn signs_are_put_right() {
        assert_eq!(mended("Γ£ô built in 11.01s"), "✓ built in 11.01s");
        assert_eq!(mended("Ô£ÿ [ERROR] NG2: x"), "✘ [ERROR] NG2: x");
        assert_eq!(mended("      65 Ôöé {{ x }}"), "      65 │ {{ x }}");
        assert_eq!(mended("тЬШ [ERROR] x"), "✘ [ERROR] x");
        assert_eq!(mended("âœ“ built in 2s"), "✓ built in 2s");
        assert_eq!(mended("Γû▓ [WARNING] x"), "▲ [WARNING] x");
        let mut reused = b"the line before".to_vec();
        assert!(mend("Γ£ô a Γ£ô b".as_bytes(), &mut reused));
        assert_eq!(reused, "✓ a ✓ b".as_bytes());
    }

    #[test]
    fn words_stay() {
        for line in ["Ошибка: файл не найден", "Échec à l'étape", "Übersicht ✓", "тип: строка", "αβγ", "plain"]
        {
            assert_eq!(mended(line), line);
        }
    }
}
