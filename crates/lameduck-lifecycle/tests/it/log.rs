//! The log of a stop, as an auditor reads it.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use lameduck_core::Phase;
use lameduck_lifecycle::{Lifecycle, SourceClosed, Work};
use tokio::time::sleep;
use tracing::{Event, Subscriber, field::Visit, instrument::WithSubscriber};
use tracing_subscriber::{Layer, layer::Context, prelude::*};

use crate::support::Requests;

type Entry = BTreeMap<String, String>;

/// Collects events as maps of their fields.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<Entry>>>);

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Fields(Entry);
        impl Visit for Fields {
            fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
                self.0.insert(field.name().to_owned(), value.to_owned());
            }
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
                self.0.insert(field.name().to_owned(), format!("{value:?}"));
            }
        }
        if event.metadata().target() == "lameduck" {
            let mut fields = Fields(Entry::new());
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0);
        }
    }
}

impl Log {
    fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap().clone()
    }

    fn names(&self) -> Vec<String> {
        self.entries().iter().map(|entry| entry["event"].clone()).collect()
    }
}

async fn logged(stop: impl Future<Output = ()>) -> Log {
    let log = Log::default();
    // The task of the driver inherits nothing, so the collector is the default of the thread.
    let _default =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    stop.with_current_subscriber().await;
    // A busy machine may take longer than the end of a stop waits.
    assert!(lameduck_core::plumbing::outbox::flush(Duration::from_secs(20)));
    log
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_is_initiated_once_completed_once_and_never_forced() {
    let log = logged(async {
        let listener = Work::new("connections", || 0, || async {})
            .with_closed(|| async { SourceClosed::new(7, true) });
        let running = Lifecycle::new().with_work(listener).on_stop("database", async || {}).spawn();
        running.started().await;
        running.stop_handle().stop("SIGTERM", true);
        drop(running.finished().await);
    })
    .await;
    assert_eq!(
        log.names(),
        [
            "shutdown.initiated",
            "lameduck.entered",
            "drain.started",
            "listener.closed",
            "hook.started",
            "hook.finished",
            "shutdown.completed",
        ]
    );
    let entries = log.entries();
    for (seq, entry) in entries.iter().enumerate() {
        assert_eq!(entry["seq"], seq.to_string());
        assert_eq!(entry["shutdown_id"], entries[0]["shutdown_id"]);
        assert!(entry.contains_key("elapsed_ms"), "{entry:?}");
    }
    assert_eq!(entries[0]["message"], "shutdown initiated");
    assert_eq!(entries[0]["cause"], "SIGTERM");
    assert_eq!(entries[0]["budget_ms"], "28000");
    assert_eq!(entries[2]["elapsed_ms"], "5000");
    assert_eq!((&*entries[3]["swept"], &*entries[3]["queue_drained"]), ("7", "true"));
    assert_eq!(entries[6]["message"], "graceful stop completed");
    assert_eq!(entries[6]["outcome"], "clean");
}

#[tokio::test(start_paused = true)]
async fn a_forced_stop_names_its_blockers_while_it_waits_and_when_it_forces() {
    let log = logged(async {
        let requests = Requests::new();
        let tally = requests.clone();
        let running =
            Lifecycle::new().with_work(requests.work()).with_tally(move || tally.tally()).spawn();
        requests.come(2);
        running.stop_handle().stop("SIGTERM", false);
        drop(running.finished().await);
    })
    .await;
    let entries = log.entries();
    let of = |name: &str| entries.iter().filter(|entry| entry["event"] == name).collect::<Vec<_>>();
    // 15 s of draining and 3 s of cancelling, a line each second, none at their ends.
    assert_eq!(of("drain.progress").len(), 16, "{:?}", log.names());
    assert!(of("drain.progress")[0]["oldest"].contains("GET /slow #1"));
    assert_eq!(of("shutdown.cancelling").len(), 1);
    let [forced] = of("shutdown.forced")[..] else { panic!("one forced") };
    assert_eq!(forced["message"], "force kill triggered");
    assert_eq!(forced["remaining"], "2");
    assert!(forced["blockers"].contains("GET /slow #0"));
    let [completed] = of("shutdown.completed")[..] else { panic!("one completed") };
    assert_eq!((&*completed["accepted"], &*completed["aborted"]), ("2", "2"));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_stop_is_logged_and_the_next_one_is_a_new_stop() {
    let log = logged(async {
        let running = Lifecycle::new().spawn();
        running.started().await;
        running.stop_handle().stop("first", true);
        running.watch().reached(Phase::LameDuck).await;
        running.stop_handle().cancel_stop().await.unwrap();
        sleep(Duration::from_secs(1)).await;
        running.stop_handle().stop("second", false);
        drop(running.finished().await);
    })
    .await;
    assert_eq!(
        log.names(),
        [
            "shutdown.initiated",
            "lameduck.entered",
            "shutdown.undone",
            "shutdown.initiated",
            "drain.started",
            "shutdown.completed",
        ]
    );
}
