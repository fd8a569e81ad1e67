//! Contexts for a part of a request: cancelled with it, or before it.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use http::HeaderMap;
use lameduck_core::Phase;
use tokio::{
    task::unconstrained,
    time::{Instant, sleep_until},
};

use super::state::{Parent, State};
use crate::{CancelReason, RequestContext, layer::client::Client};

/// Makes a context in another one. It has the id, trace and values of that one, and is cancelled
/// with it if it follows it.
pub(super) fn make(parent: &RequestContext, at: Option<Instant>, is_followed: bool) -> State {
    let mut state = State::default();
    let id = parent.request_id_header().cloned();
    state.begin(parent.state().kept(), id, Client::default());
    if let Some(at) = at {
        state.set_deadline(at);
    }
    state.set_parent(parent.clone(), is_followed);
    state
}

/// A layer inside of another one: its request has the outer id, unless the request itself says
/// another one, and no later deadline.
pub(crate) fn follow_outer(
    context: &mut RequestContext,
    outer: RequestContext,
    headers: &HeaderMap,
) {
    let Some(state) = context.state_mut() else { return };
    let ids = state.config().options.request_id.as_ref().filter(|ids| ids.trust_inbound);
    let with_id = ids.is_some_and(|ids| !headers.contains_key(&ids.header));
    state.set_outer(outer, with_id);
}

/// That fraction of a duration. A fraction below 0, or that is not a number, is 0; one above 1 is
/// 1.
pub(super) fn part(left: Duration, fraction: f64) -> Duration {
    // `NaN` is not above zero.
    let fraction = if fraction > 0.0 { fraction.min(1.0) } else { 0.0 };
    Duration::try_from_secs_f64(left.as_secs_f64() * fraction).unwrap_or(left).min(left)
}

/// Completes when a context that was made in another one is cancelled.
/// [`RequestContext::cancelled`] is for all others, which need neither parent nor clock.
pub(super) fn cancelled<'a>(
    context: &'a RequestContext,
    parent: &'a Parent,
) -> Pin<Box<dyn Future<Output = CancelReason> + Send + 'a>> {
    Box::pin(async move {
        let state = context.state();
        let mut own = pin!(state.cancelled().notified());
        let mut phase = state.phase().map(|phase| phase.reached(Phase::Cancelling));
        let mut over = pin!(state.deadline().map(sleep_until));
        let mut parents = pin!(parent.is_followed.then(|| parent.context.cancelled()));
        let reason = poll_fn(|cx| {
            // Each enters a list. The reason is read after that, so that a change between the two
            // is not missed.
            let _ = own.as_mut().poll(cx);
            if let Some(phase) = &mut phase {
                let _ = Pin::new(phase).poll(cx);
            }
            if let Some(over) = over.as_mut().as_pin_mut() {
                let _ = Pin::new(&mut unconstrained(over)).poll(cx);
            }
            if parents.as_mut().as_pin_mut().is_some_and(|parents| parents.poll(cx).is_ready()) {
                // It must not be polled again. That happens if this context is finished: the reason
                // of its parent is then not its own.
                parents.set(None);
            }
            context.reason().map_or(Poll::Pending, Poll::Ready)
        });
        reason.await
    })
}
