//! How the laws drive a layered probe: one poll at a time.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Body;
use tokio::runtime::{Builder, Runtime};

use super::Layered;
use crate::{Probe, Script};

/// Longer than any timeout that a layer may reasonably have.
pub(super) const LONG: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// More polls than a probe needs, so that a law ends even if the layer never does.
const MOST_POLLS: usize = 1000;

/// A probe, and the layer around it.
pub(super) struct Subject<S, K = crate::Plain> {
    pub(super) probe: Probe<K>,
    pub(super) service: S,
}

/// The layer's body, frame by frame.
pub(super) struct Collected {
    pub(super) data: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) error: Option<String>,
}

impl<K, S: Layered<K>> Subject<S, K> {
    pub(super) fn new(make: impl Fn(Probe<K>) -> S, script: Script) -> Self {
        let probe = Probe::scripted(script);
        let service = make(probe.observer());
        Self { probe, service }
    }

    /// Calls `poll_ready` until the service is ready, and then calls it.
    pub(super) fn call(&mut self) -> Pin<Box<S::Future>> {
        for _ in 0..MOST_POLLS {
            match self.service.poll_ready(&mut context()) {
                Poll::Pending => (),
                Poll::Ready(Ok(())) => return Box::pin(self.service.call(self.probe.request())),
                Poll::Ready(Err(error)) => panic!("the layer is not ready: {error:?}"),
            }
        }
        panic!("layer law 2: the inner service is ready, but the layer never is");
    }

    /// Calls the service and polls the future until it ends.
    pub(super) fn answer(&mut self) -> Response<S::Body> {
        let future = self.call();
        self.answer_of(future)
    }

    /// Polls a future of the service until it ends, and drops it.
    pub(super) fn answer_of(&self, mut future: Pin<Box<S::Future>>) -> Response<S::Body> {
        match finish(&mut future) {
            Ok(response) => response,
            Err(error) => panic!("the probe answers, but the layer fails: {error:?}"),
        }
    }

    /// Checks that the probe holds nothing for a request, and the layer as much as before: `held`.
    pub(super) fn check_released(&self, held: usize, law: &str, when: &str) {
        let record = self.probe.record();
        assert_eq!(record.live_futures, 0, "{law}: the inner future is alive {when}");
        assert_eq!(record.live_bodies, 0, "{law}: an inner body is alive {when}");
        assert_eq!(self.probe.held(), held, "{law}: the layer still holds something {when}");
    }
}

/// Polls a future until it ends.
pub(super) fn finish<F: Future>(future: &mut Pin<Box<F>>) -> F::Output {
    for _ in 0..MOST_POLLS {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context()) {
            return output;
        }
    }
    panic!("the inner future has ended, the layer's is still pending after {MOST_POLLS} polls");
}

/// Reads a body to its end or its first error.
pub(super) fn collect<B>(body: B) -> Collected
where
    B: Body<Data = Bytes, Error: fmt::Debug>,
{
    let mut body = Box::pin(body);
    let mut collected = Collected { data: Vec::new(), trailers: None, error: None };
    for _ in 0..MOST_POLLS {
        match body.as_mut().poll_frame(&mut context()) {
            Poll::Pending => (),
            Poll::Ready(None) => return collected,
            Poll::Ready(Some(Err(error))) => {
                collected.error = Some(format!("{error:?}"));
                return collected;
            }
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => collected.data.extend_from_slice(&data),
                Err(frame) => collected.trailers = frame.into_trailers().ok(),
            },
        }
    }
    panic!("the inner body has ended, the layer's has not after {MOST_POLLS} polls");
}

/// Whether a response is the probe's own, and not one of the layer.
pub(super) fn is_probes<B>(response: &Response<B>) -> bool {
    response.headers().get("x-probe").is_some_and(|value| value == "answer")
}

/// Runs a law in a runtime whose clock stands still until it is advanced.
pub(super) fn paused<T>(law: impl Future<Output = T>) -> T {
    runtime().block_on(law)
}

/// A runtime of one thread with a paused clock.
pub(super) fn runtime() -> Runtime {
    match Builder::new_current_thread().enable_time().start_paused(true).build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime for the test: {error}"),
    }
}

/// A context whose waker does nothing, because the laws poll without being woken.
pub(super) const fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// A waker that counts.
#[derive(Default)]
pub(super) struct Wakes(AtomicUsize);

impl Wakes {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
