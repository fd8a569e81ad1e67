//! What was measured: a number for each measure and stack.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// The numbers of one run. All are over the bare handler.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    by_name: BTreeMap<(String, String), f64>,
}

impl Numbers {
    pub(super) fn put(&mut self, measure: &str, stack: &str, value: f64) {
        self.by_name.insert((measure.to_owned(), stack.to_owned()), value);
    }

    pub(super) fn get(&self, measure: &str, stack: &str) -> Option<f64> {
        self.by_name.get(&(measure.to_owned(), stack.to_owned())).copied()
    }

    /// Reads lines of `stack over_bare …`.
    pub(super) fn read_output(&mut self, measure: &str, output: &str) -> Result<()> {
        for line in output.lines() {
            let mut words = line.split(' ');
            let stack = words.next().unwrap_or_default();
            self.put(measure, stack, number(words.next(), line)?);
        }
        Ok(())
    }

    /// Reads lines of `measure stack over_bare …`.
    pub(super) fn read_lines(&mut self, output: &str) -> Result<()> {
        for line in output.lines() {
            let (measure, rest) = line.split_once(' ').context("a line without a measure")?;
            self.read_output(measure, rest)?;
        }
        Ok(())
    }
}

pub(super) fn number(word: Option<&str>, line: &str) -> Result<f64> {
    word.and_then(|word| word.parse().ok()).with_context(|| format!("no number in {line:?}"))
}

/// The middle one of an odd count, the upper middle one of an even count.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
