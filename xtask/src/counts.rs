//! What test binaries print at their end, summed up.

/// The results of all test binaries that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
    binaries: u64,
}

impl Counts {
    pub(crate) fn see(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        self.binaries += 1;
        self.passed += number_before(result, " passed");
        self.failed += number_before(result, " failed");
        self.ignored += number_before(result, " ignored");
    }

    pub(crate) fn summary(&self) -> String {
        let Self { passed, failed, ignored, binaries } = self;
        format!("{passed} tests passed, {failed} failed, {ignored} ignored, in {binaries} binaries")
    }
}

/// The number that stands before `word`, or zero.
fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().filter(|before| before.len() < text.len());
    before.and_then(|before| before.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_all_binaries_are_summed_up() {
        let mut counts = Counts::default();
        counts.see("running 3 tests");
        counts.see("test a_test ... ok");
        counts.see("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        counts.see("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered");
        assert_eq!(counts, Counts { passed: 15, failed: 2, ignored: 1, binaries: 2 });
        assert_eq!(counts.summary(), "15 tests passed, 2 failed, 1 ignored, in 2 binaries");
    }
}
