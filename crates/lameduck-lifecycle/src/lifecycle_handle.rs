//! The lifecycle while it runs.

use std::fmt;

use lameduck_core::{Phase, PhaseWatch};
use tokio::sync::watch;

use crate::{Report, StopHandle};

/// A lifecycle that runs. Clones share it.
///
/// It continues to run when every clone is dropped.
#[derive(Clone)]
pub struct LifecycleHandle {
    handle: StopHandle,
    report: watch::Receiver<Option<Report>>,
}

impl LifecycleHandle {
    pub(crate) fn spawn(
        handle: StopHandle,
        driver: impl Future<Output = Report> + Send + 'static,
    ) -> Self {
        let (sender, report) = watch::channel(None);
        #[expect(
            clippy::disallowed_methods,
            reason = "the owner is the handle, the end is the report"
        )]
        tokio::spawn(async move { drop(sender.send(Some(driver.await))) });
        Self { handle, report }
    }

    /// A handle that asks for the stop.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.handle.clone()
    }

    /// The phase, for layers and listeners.
    #[must_use]
    pub fn watch(&self) -> PhaseWatch {
        self.handle.watch.clone()
    }

    /// Completes when the start is over: the server is ready, or it stops before it was ready.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn started(&self) {
        self.handle.watch.reached(Phase::Running).await;
    }

    /// Completes with the report when the stop is over. Every caller gets the same report.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn finished(&self) -> Report {
        let mut report = self.report.clone();
        match report.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(report)) => report.clone(),
            _ => Report::not_started(
                "its task ended before the stop was over: a closure it was given panicked, or the \
                 runtime was shut down",
            ),
        }
    }
}

impl fmt::Debug for LifecycleHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handle, report } = self;
        f.debug_struct("LifecycleHandle")
            .field("phase", &handle.watch.current())
            .field("finished", &report.borrow().is_some())
            .finish()
    }
}
