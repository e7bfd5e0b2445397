use std::collections::{BTreeMap, BTreeSet};

/// What came out of other people's cases, against a list of those on which waxseal differs on purpose.
///
/// A case that is in the list and agrees is a failure too, and so is an entry that no case has or whose reason names no
/// section of an RFC.
#[derive(Debug)]
pub struct Ledger {
    differing: BTreeMap<String, String>,
    seen: BTreeSet<String>,
    problems: Vec<String>,
}

impl Ledger {
    /// Reads a list: each line names a case and, behind `separator`, gives the reason; `#` begins a comment.
    pub fn new(list: &str, separator: &str) -> Self {
        let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut ledger = Self { differing: BTreeMap::new(), seen: BTreeSet::new(), problems: Vec::new() };
        for line in lines {
            let (case, reason) = line.split_once(separator).unwrap_or((line, ""));
            if !(reason.contains("RFC ") && reason.contains('§')) {
                ledger.problems.push(format!("{case}: the reason names no section of an RFC"));
            }
            if ledger.differing.insert(case.into(), reason.into()).is_some() {
                ledger.problems.push(format!("{case}: stands twice in the list"));
            }
        }
        ledger
    }

    /// Notes the outcome of a case: `Err` says how it differs from what the suite expects.
    pub fn enter(&mut self, case: impl Into<String>, outcome: Result<(), String>) {
        let case = case.into();
        match (self.differing.contains_key(&case), outcome) {
            (false, Err(difference)) => self.problems.push(format!("{case}: {difference}")),
            (true, Ok(())) => self.problems.push(format!("{case}: passes, but is expected to fail")),
            _ => {}
        }
        if !self.seen.insert(case.clone()) {
            self.problems.push(format!("{case}: two cases of this name"));
        }
    }

    /// Forgets the entries whose cases begin otherwise: for a list of several suites.
    #[must_use]
    pub fn only(mut self, prefix: &str) -> Self {
        self.differing.retain(|case, _| case.starts_with(prefix));
        self
    }

    /// Forgets the entries whose cases begin like this: those of a suite that is not there.
    pub fn skip(&mut self, prefix: &str) {
        self.differing.retain(|case, _| !case.starts_with(prefix));
    }

    /// How many cases there were.
    ///
    /// # Errors
    /// All that was unexpected, a line for each.
    pub fn close(self) -> Result<usize, String> {
        let unknown = self.differing.keys().filter(|case| !self.seen.contains(*case));
        let unknown = unknown.map(|case| format!("{case}: no such case"));
        let problems: Vec<_> = self.problems.iter().cloned().chain(unknown).collect();
        if problems.is_empty() { Ok(self.seen.len()) } else { Err(problems.join("\n")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_surprise_is_found() {
        let list = "# wrong\ns/a RFC 6376 §3.5: no\ns/b RFC 6376 §3.5: no\ns/gone RFC 1 §1\ns/e why\nskip/x RFC 1 §1\n";
        let mut ledger = Ledger::new(list, " ");
        ledger.skip("skip/");
        for (case, outcome) in
            [("s/a", Err("x")), ("s/b", Ok(())), ("s/c", Err("differs")), ("s/e", Err("x")), ("s/c", Ok(()))]
        {
            ledger.enter(case, outcome.map_err(str::to_owned));
        }
        let problems = [
            "s/e: the reason names no section of an RFC",
            "s/b: passes, but is expected to fail",
            "s/c: differs",
            "s/c: two cases of this name",
            "s/gone: no such case",
        ];
        assert_eq!(ledger.close().unwrap_err().lines().collect::<Vec<_>>(), problems);
        let mut ledger = Ledger::new("s/a RFC 1 §1\nt/a RFC 1 §1", " ").only("s/");
        ledger.enter("s/a", Err("x".into()));
        assert_eq!(ledger.close(), Ok(1));
    }
}
