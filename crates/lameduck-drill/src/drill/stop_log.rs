//! The log of a stop, parsed from the JSON lines that the program writes.

use std::time::Duration;

use serde_json::Value;

/// The events with which a phase begins, and its name in reports.
const BEGINNINGS: [(&str, &str); 7] = [
    ("shutdown.initiated", "initiated"),
    ("lameduck.entered", "lame duck"),
    ("drain.started", "draining"),
    ("shutdown.cancelling", "cancelling"),
    ("shutdown.forced", "forced"),
    ("hook.started", "stop hooks"),
    ("shutdown.completed", "completed"),
];

/// One event of the program's log of a stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopEvent {
    /// The event's name, for example `drain.started`.
    pub event: String,
    /// When it was logged, counted from the start of the stop.
    pub elapsed: Duration,
    /// All its fields, as JSON.
    pub fields: String,
}

/// A phase of a stop, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PhaseTime {
    /// The name of the phase, for people.
    pub name: &'static str,
    /// When it began, counted from the start of the stop.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
}

/// Parses a line of the log. None if it is not an event of a stop.
pub(super) fn parse(line: &str) -> Option<StopEvent> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields")?;
    let event = fields.get("event")?.as_str()?.to_owned();
    let elapsed = Duration::from_millis(fields.get("elapsed_ms")?.as_u64()?);
    Some(StopEvent { event, elapsed, fields: fields.to_string() })
}

/// The name of the phase that begins with an event, if one does.
pub(super) fn phase_of(event: &str) -> Option<&'static str> {
    BEGINNINGS.iter().find(|(name, _)| *name == event).map(|(_, phase)| *phase)
}

/// Each phase, from its first event to the first event of the next phase.
pub(super) fn phases(log: &[StopEvent]) -> Vec<PhaseTime> {
    let mut phases: Vec<PhaseTime> = Vec::new();
    for event in log {
        let Some(name) = phase_of(&event.event) else { continue };
        // All hooks together are one phase.
        if phases.last().is_some_and(|last| last.name == name) {
            continue;
        }
        if let Some(last) = phases.last_mut() {
            last.took = event.elapsed.saturating_sub(last.began);
        }
        phases.push(PhaseTime { name, began: event.elapsed, took: Duration::ZERO });
    }
    // The first and the last event are moments, not phases.
    phases.retain(|phase| !matches!(phase.name, "initiated" | "completed"));
    phases
}
