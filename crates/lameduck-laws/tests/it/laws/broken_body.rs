//! A body around a probe's that has one fault.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use lameduck_laws::{Probe, ProbeBody, ProbeError};
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::broken::broken;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fault {
    ChangesData,
    DropsTrailers,
    HidesEnd,
    HidesSize,
    Leaks,
    PollsSleepFirst,
    SwallowsError,
    SwallowsWake,
}

pub(super) struct BadBody {
    // An option, so that it can be taken and leaked.
    inner: Option<ProbeBody>,
    fault: Fault,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// A layer whose body has a fault.
pub(super) fn bad_body(
    inner: Probe,
    fault: Fault,
) -> impl Service<Request<ProbeBody>, Response = Response<BadBody>, Error = ProbeError> {
    broken(inner, move |inner, request| {
        let work = inner.call(request);
        async move { Ok::<_, ProbeError>(work.await?.map(|body| BadBody::new(body, fault))) }
    })
}

impl BadBody {
    fn new(inner: ProbeBody, fault: Fault) -> Self {
        let sleeps = fault == Fault::PollsSleepFirst;
        let sleep = sleeps.then(|| Box::pin(sleep(Duration::from_secs(1))));
        Self { inner: Some(inner), fault, sleep }
    }

    fn inner(&self) -> &ProbeBody {
        self.inner.as_ref().expect("taken only in drop")
    }
}

impl Body for BadBody {
    type Data = Bytes;
    type Error = ProbeError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ProbeError>>> {
        if let Some(sleep) = &mut self.sleep {
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Some(Err(ProbeError::new(504))));
            }
        }
        let fault = self.fault;
        let body = Pin::new(self.inner.as_mut().expect("taken only in drop"));
        let mut unwoken = Context::from_waker(Waker::noop());
        let polled = body.poll_frame(if fault == Fault::SwallowsWake { &mut unwoken } else { cx });
        match (polled, fault) {
            (Poll::Ready(Some(Ok(frame))), Fault::ChangesData) => {
                Poll::Ready(Some(Ok(frame.map_data(|_| Bytes::from_static(b"changed")))))
            }
            (Poll::Ready(Some(Ok(frame))), Fault::DropsTrailers) if frame.is_trailers() => {
                Poll::Ready(None)
            }
            (Poll::Ready(Some(Err(_))), Fault::SwallowsError) => Poll::Ready(None),
            (polled, _) => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.fault != Fault::HidesEnd && self.inner().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.fault == Fault::HidesSize { SizeHint::new() } else { self.inner().size_hint() }
    }
}

impl Drop for BadBody {
    fn drop(&mut self) {
        if self.fault == Fault::Leaks {
            std::mem::forget(self.inner.take());
        }
    }
}
