//! Counts what became of each line of a log.

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Account {
    /// Known to say nothing.
    #[default]
    Neutral,
    /// Part of a finding.
    Evidence,
    /// No rule knows it.
    Unaccounted,
}

/// The counts so far. Parts of one line count once, as the gravest of them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    number: u64,
    account: Account,
    totals: [u64; 3],
}

impl Ledger {
    /// Notes what became of a line, or of a part of it.
    pub(crate) fn settle(&mut self, number: u64, account: Account) {
        if number == self.number {
            self.account = self.account.max(account);
            return;
        }
        self.book();
        self.number = number;
        self.account = account;
    }

    fn book(&mut self) {
        if self.number > 0 {
            self.totals[self.account as usize] += 1;
        }
    }

    /// Neutral, evidence and unaccounted lines, when all are read.
    pub(crate) fn totals(&mut self) -> [u64; 3] {
        self.book();
        self.number = 0;
        self.totals
    }
}
