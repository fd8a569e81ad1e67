//! What is compared with what, and what is promised.

use anyhow::{Result, bail};

use super::numbers::Numbers;

/// What is promised of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Gate {
    /// Ours is at most so much of the peer's.
    Ratio(f64),
    /// Ours is at most so much.
    AtMost(f64),
    /// Nothing, and the row stands beside the promises: it says what they do not.
    Shown,
    /// Nothing: measured for completeness.
    Open,
}

/// One comparison.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) group: &'static str,
    pub(super) what: &'static str,
    pub(super) peer: f64,
    pub(super) ours: f64,
    pub(super) gate: Gate,
}

impl Row {
    /// Ours by the peer's. Nothing by nothing is nothing.
    pub(super) fn ratio(&self) -> f64 {
        if self.ours == 0.0 { 0.0 } else { self.ours / self.peer }
    }

    pub(super) fn is_kept(&self) -> bool {
        match self.gate {
            // Not `<`: a ratio that is no number keeps no promise.
            Gate::Ratio(most) => self.peer > 0.0 && self.ratio() <= most,
            Gate::AtMost(most) => self.ours <= most,
            Gate::Shown | Gate::Open => true,
        }
    }
}

const TIMEOUT: &str = "timeout: tower-http Timeout | lameduck TimeoutLayer";
const GATE: &str = "count, reject, wait for: \
    InFlightRequests + TaskTracker + CancellationToken | InFlightLayer + DrainLayer";
const CONTEXT: &str =
    "request id, also on the response: SetRequestId + PropagateRequestId | ContextLayer";
const IN_FULL: &str = "request id, also in the request's extensions and header: \
    SetRequestId + PropagateRequestId | ContextLayer with tower-http's id";
const WHOLE: &str = "the whole, beside a typical stack: \
    typical tower-http stack, which also traces and catches panics | Lameduck::layer";
const SAME: &str = "the whole, beside the same jobs: \
    tower-http and tokio-util, the same jobs | Lameduck::layer";
const OWN: &str = "throughput: bare axum::serve | own server, whole stack";

type Spec = (&'static str, &'static str, &'static str, [&'static str; 2], Gate);

/// Group, what, measure, the stacks of the peer and of us, promise.
const SPECS: [Spec; 29] = [
    (TIMEOUT, "instructions, ready", "instructions_ready", PAIR_TIMEOUT, Gate::Ratio(0.10)),
    (TIMEOUT, "timers registered, ready", "timers_ready", PAIR_TIMEOUT, Gate::AtMost(0.0)),
    (TIMEOUT, "eventfd writes, ready", "eventfd", PAIR_TIMEOUT, Gate::AtMost(0.0)),
    (TIMEOUT, "instructions, waiting", "instructions_waiting", PAIR_TIMEOUT, Gate::Open),
    (TIMEOUT, "ns, ready", "ready", PAIR_TIMEOUT, Gate::Open),
    (TIMEOUT, "ns, waiting", "waiting", PAIR_TIMEOUT, Gate::Open),
    (GATE, "instructions, ready", "instructions_ready", PAIR_GATE, Gate::Ratio(0.5)),
    (GATE, "ns, two threads, empty", "empty_two_threads", PAIR_GATE, Gate::Ratio(0.3)),
    (GATE, "ns, one thread", "ready", PAIR_GATE, Gate::Open),
    (CONTEXT, "instructions, ready", "instructions_ready", PAIR_CONTEXT, Gate::Ratio(0.35)),
    (CONTEXT, "allocations", "allocations", PAIR_CONTEXT, Gate::Open),
    (CONTEXT, "getrandom calls", "getrandom", PAIR_CONTEXT, Gate::Open),
    (CONTEXT, "ns, ready", "ready", PAIR_CONTEXT, Gate::Open),
    (IN_FULL, "instructions, ready", "instructions_ready", PAIR_IN_FULL, Gate::Ratio(0.65)),
    (IN_FULL, "allocations", "allocations", PAIR_IN_FULL, Gate::Open),
    (IN_FULL, "ns, ready", "ready", PAIR_IN_FULL, Gate::Open),
    (WHOLE, "instructions, ready", "instructions_ready", PAIR_WHOLE, Gate::Ratio(0.40)),
    (WHOLE, "allocations", "allocations", PAIR_WHOLE, Gate::AtMost(1.0)),
    (WHOLE, "eventfd writes, ready", "eventfd", PAIR_WHOLE, Gate::Open),
    (WHOLE, "instructions, waiting", "instructions_waiting", PAIR_WHOLE, Gate::Open),
    (WHOLE, "ns, ready", "ready", PAIR_WHOLE, Gate::Open),
    (WHOLE, "processor ns of an axum server", "processor", PAIR_SERVER, Gate::Ratio(0.30)),
    (SAME, "instructions, ready", "instructions_ready", PAIR_SAME, Gate::Ratio(0.40)),
    (SAME, "allocations", "allocations", PAIR_SAME, Gate::AtMost(1.0)),
    (SAME, "ns, ready", "ready", PAIR_SAME, Gate::Open),
    (SAME, "processor ns of an axum server", "processor", PAIR_SAME_SERVER, Gate::Shown),
    (OWN, "requests per second, %", "throughput", ["bare", "own"], Gate::Open),
    (OWN, "the same without a layer, %", "throughput", ["bare", "own_bare"], Gate::Open),
    (OWN, "processor ns, layer | own server", "processor", ["ours", "own"], Gate::Open),
];

const PAIR_TIMEOUT: [&str; 2] = ["peer_timeout", "our_timeout"];
const PAIR_GATE: [&str; 2] = ["peer_gate", "our_gate"];
const PAIR_CONTEXT: [&str; 2] = ["peer_context", "our_context"];
const PAIR_IN_FULL: [&str; 2] = ["peer_context", "our_context_in_full"];
const PAIR_WHOLE: [&str; 2] = ["peer_typical", "our_whole"];
const PAIR_SAME: [&str; 2] = ["peer_whole", "our_whole"];
const PAIR_SERVER: [&str; 2] = ["typical", "ours"];
const PAIR_SAME_SERVER: [&str; 2] = ["same_jobs", "ours"];

/// The rows whose numbers were measured.
pub(super) fn all(numbers: &Numbers) -> Vec<Row> {
    SPECS
        .iter()
        .filter_map(|&(group, what, measure, [peer, ours], gate)| {
            let (peer, ours) = (numbers.get(measure, peer)?, numbers.get(measure, ours)?);
            Some(Row { group, what, peer, ours, gate })
        })
        .collect()
}

/// Whether every promise is kept.
///
/// # Errors
///
/// Names each that is not, with its ratio.
pub(super) fn verdict(rows: &[Row]) -> Result<()> {
    let missed: Vec<_> = rows.iter().filter(|row| !row.is_kept()).map(miss).collect();
    if missed.is_empty() { Ok(()) } else { bail!("missed:\n{}", missed.join("\n")) }
}

fn miss(row: &Row) -> String {
    let Row { group, what, ours, gate, .. } = row;
    match gate {
        Gate::Ratio(most) => format!("{group}: {what}: {:.3}x, at most {most:.2}x", row.ratio()),
        Gate::AtMost(most) => format!("{group}: {what}: {ours:.3}, at most {most}"),
        Gate::Shown | Gate::Open => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(peer: f64, ours: f64, gate: Gate) -> Row {
        Row { group: "g", what: "w", peer, ours, gate }
    }

    #[test]
    fn a_promise_is_kept_up_to_its_bound() {
        assert!(row(100.0, 10.0, Gate::Ratio(0.10)).is_kept());
        assert!(!row(100.0, 11.0, Gate::Ratio(0.10)).is_kept());
        assert!(row(1.0, 0.0, Gate::AtMost(0.0)).is_kept());
        assert!(!row(1.0, 0.001, Gate::AtMost(0.0)).is_kept());
        assert!(row(1.0, 9.0, Gate::Open).is_kept());
    }

    #[test]
    fn a_peer_that_costs_nothing_keeps_no_ratio() {
        for peer in [0.0, -1.0, f64::NAN] {
            assert!(!row(peer, 1.0, Gate::Ratio(0.5)).is_kept());
        }
    }

    #[test]
    fn each_promise_that_is_missed_is_named_with_its_ratio() {
        let rows = [
            row(100.0, 50.0, Gate::Ratio(0.4)),
            row(1.0, 2.0, Gate::AtMost(1.0)),
            row(1.0, 9.0, Gate::Open),
        ];
        let error = verdict(&rows).unwrap_err().to_string();
        assert_eq!(error, "missed:\ng: w: 0.500x, at most 0.40x\ng: w: 2.000, at most 1");
        assert!(verdict(&rows[2..]).is_ok());
    }

    #[test]
    fn every_promise_needs_its_measurement() {
        let mut numbers = Numbers::default();
        assert!(all(&numbers).is_empty());
        for (_, _, measure, stacks, _) in SPECS {
            for stack in stacks {
                numbers.put(measure, stack, 1.0);
            }
        }
        assert_eq!(all(&numbers).len(), SPECS.len());
    }
}
