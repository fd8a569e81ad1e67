//! Hooks: work of the user at the start and the stop of the server.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio::time;

use crate::report::{HookOutcome, HookTime};

type BoxError = Box<dyn Error + Send + Sync>;
type Run = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What a hook may return: nothing, or a `Result` whose error appears in the report.
pub trait HookResult: sealed::Sealed {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), BoxError>;
}

mod sealed {
    #[expect(unnameable_types, reason = "it seals the trait")]
    pub trait Sealed {}
    impl Sealed for () {}
    impl<E> Sealed for Result<(), E> {}
}

impl HookResult for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> HookResult for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

pub(crate) struct Hook {
    pub(crate) name: String,
    pub(crate) timeout: Option<Duration>,
    run: Run,
}

impl Hook {
    pub(crate) fn new<F>(
        name: String,
        timeout: Option<Duration>,
        run: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        let run: Run = Box::new(move || {
            // The call itself is put inside the future, so that its panic is caught too.
            // So is the text of its error, whose `Display` is the user's.
            Box::pin(async move { run().await.into_result().map_err(|error| error.to_string()) })
        });
        Self { name, timeout, run }
    }

    /// Runs the hook to its end or its timeout, whichever is first; never longer than `until`.
    ///
    /// It runs on a task of its own: a panic stays there, and on a runtime with several threads a
    /// hook that blocks its thread does not block the driver's.
    pub(crate) async fn run(self, until: Option<Instant>) -> HookTime {
        let Self { name, timeout, run } = self;
        let began = time::Instant::now();
        let own = timeout.and_then(|timeout| began.checked_add(timeout));
        let end = own.into_iter().chain(until.map(time::Instant::from_std)).min();
        #[expect(clippy::disallowed_methods, reason = "the task is awaited, or aborted, below")]
        let task = AbortOnDrop(tokio::spawn(run()));
        let outcome = match end {
            Some(end) => time::timeout_at(end, task).await.unwrap_or(HookOutcome::TimedOut),
            None => task.await,
        };
        HookTime::new(name, began.elapsed(), outcome)
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, timeout, run: _ } = self;
        f.debug_struct("Hook").field("name", name).field("timeout", timeout).finish_non_exhaustive()
    }
}

/// A hook's task. A hook that is no longer waited for is dropped, not left to run on.
struct AbortOnDrop(tokio::task::JoinHandle<Result<(), String>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Future for AbortOnDrop {
    type Output = HookOutcome;

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<HookOutcome> {
        Pin::new(&mut self.0).poll(cx).map(|joined| match joined {
            Ok(Ok(())) => HookOutcome::Done,
            Ok(Err(error)) => HookOutcome::Failed(error),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => HookOutcome::Panicked(panic_message(&*panic)),
                Err(_) => HookOutcome::TimedOut,
            },
        })
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
