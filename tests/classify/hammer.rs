//! Mutated logs, for as long as one likes.

use super::classified;

/// `THEMEGATE_LOGS=folder THEMEGATE_SECONDS=600 cargo test --test classify hammer -- --ignored --nocapture`: mutates the logs
/// below the folder, for machines on which cargo-fuzz does not run (`fuzz/` holds the same target for it).
#[test]
#[ignore = "runs for as long as it is told"]
fn hammer() {
    let Some(folder) = std::env::var_os("THEMEGATE_LOGS") else {
        return;
    };
    let seconds: u64 = std::env::var("THEMEGATE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let seeds: Vec<Vec<u8>> = walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "log"))
        .filter_map(|entry| std::fs::read(entry.path()).ok())
        .filter(|seed| !seed.is_empty() && seed.len() < 20_000)
        .collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (start, mut runs) = (std::time::Instant::now(), 0_u64);
    while start.elapsed().as_secs() < seconds {
        let text = mutated(&seeds, &mut dice);
        let said = classified(&text);
        assert_eq!(said.lines, said.neutral + said.evidence + said.unaccounted);
        runs += 1;
    }
    println!("HAMMERED {runs} logs in {seconds} s");
}

/// Numbers without a pattern that matters here (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % sides.max(1)
    }
}

fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut text = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(24) {
        let at = dice.roll(text.len());
        match dice.roll(4) {
            0 => text[at] = u8::try_from(dice.roll(256)).unwrap_or(0),
            1 => text.truncate(at.max(1)),
            2 => text.insert(at, b"\n\r\x1b[\t :\xff'`"[dice.roll(10)]),
            _ => {
                let other = &seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len());
                let part = other[from..(from + dice.roll(400)).min(other.len())].to_vec();
                text.splice(at..at, part);
            }
        }
    }
    text
}
