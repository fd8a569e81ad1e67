//! What a handler may do with its context beside asking it: set values, see its trace, cancel.

use std::any::Any;

use crate::{Reason, RequestContext, TraceContext, more::Parent};

impl RequestContext {
    /// The value of a type that was [set](Self::set_value), here or in the context that this one was
    /// made in. Takes no lock.
    ///
    /// Give a value a type of its own (`struct Tenant(String)`), so that nobody else finds it by
    /// chance.
    #[must_use]
    pub fn value<T: Any>(&self) -> Option<&T> {
        let more = self.shared().more.get()?;
        more.values.find().or_else(|| more.parent.as_ref()?.context.value())
    }

    /// Sets a value for whoever works on this request, by its type. Two allocations, and one more
    /// for a request's first.
    ///
    /// Returns whether it was set: not if this context has a value of this type already, because
    /// somebody may be looking at that. All values are dropped when the request is over and nobody
    /// holds its context.
    pub fn set_value<T: Any + Send + Sync>(&self, value: T) -> bool {
        self.shared().more().values.set(value)
    }

    /// The trace that the request belongs to, if the layer
    /// [reads it](crate::ContextLayer::with_trace_context) and the request said so.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        let more = self.shared().more.get()?;
        more.trace.get().or_else(|| more.parent.as_ref()?.context.trace())
    }

    /// Cancels the request, or the part of it that this context was [made](Self::child) for.
    ///
    /// Whoever waits for [`cancelled`](Self::cancelled) is told, and what was spawned is dropped.
    /// The handler itself is not: it decides what to answer, until its deadline. The first reason
    /// stays, and a finished request is not cancelled. Returns whether `reason` is the one.
    ///
    /// ```
    /// # #![allow(dead_code)]
    /// # use lameduck_context::{Reason, RequestContext};
    /// fn over_quota(context: &RequestContext) {
    ///     context.cancel(Reason::Other("over_quota"));
    /// }
    /// ```
    #[expect(clippy::must_use_candidate, reason = "most callers only want it to end")]
    pub fn cancel(&self, reason: Reason) -> bool {
        let is_first = self.reason().is_none();
        self.shared().cancel(reason);
        is_first && self.reason() == Some(reason)
    }

    /// The context that this one was made in, and how.
    pub(crate) fn parent(&self) -> Option<&Parent> {
        self.shared().more.get()?.parent.as_ref()
    }
}
