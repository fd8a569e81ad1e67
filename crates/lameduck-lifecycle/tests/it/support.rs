//! What the tests share: requests in flight, and notes of what happened.

use std::sync::{Arc, Mutex};

use lameduck_lifecycle::{Tally, Work};
use tokio::sync::watch;

/// Requests that a test opens and closes by hand.
#[derive(Clone)]
pub(crate) struct Requests {
    tally: watch::Sender<Tally>,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self { tally: watch::Sender::new(Tally::default()) }
    }

    pub(crate) fn come(&self, number: u64) {
        self.tally.send_modify(|tally| tally.accepted += number);
    }

    pub(crate) fn finish(&self, number: u64) {
        self.tally.send_modify(|tally| tally.finished += number);
    }

    pub(crate) fn reject(&self, number: u64) {
        self.tally.send_modify(|tally| {
            tally.accepted += number;
            tally.rejected += number;
        });
    }

    pub(crate) fn tally(&self) -> Tally {
        *self.tally.borrow()
    }

    /// The work as a lifecycle sees it. Force aborts all that is open.
    pub(crate) fn work(&self) -> Work {
        let (open, idle, names, force) =
            (self.clone(), self.clone(), self.clone(), self.tally.clone());
        Work::new(
            "requests",
            move || usize::try_from(open.tally().in_flight()).unwrap(),
            move || {
                let mut tally = idle.tally.subscribe();
                async move {
                    tally.wait_for(|tally| tally.in_flight() == 0).await.unwrap();
                }
            },
        )
        .with_blockers(move || {
            (0..names.tally().in_flight()).map(|n| format!("GET /slow #{n}")).collect()
        })
        .with_force(move || force.send_modify(|tally| tally.aborted += tally.in_flight()))
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn write(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// A hook that writes its note and ends.
    pub(crate) fn hook(
        &self,
        note: &'static str,
    ) -> impl FnOnce() -> std::future::Ready<()> + Send + Sync + 'static {
        let notes = self.clone();
        move || {
            notes.write(note);
            std::future::ready(())
        }
    }
}

/// A hook that panics.
pub(crate) async fn panics(message: &'static str) {
    panic!("{message}")
}
