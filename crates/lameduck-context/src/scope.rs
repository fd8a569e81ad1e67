//! The context of the running code.

use std::{cell::Cell, mem};

use crate::{Reason, RequestContext};

thread_local! {
    /// The context of the innermost layer that polls on this thread.
    static CURRENT: Cell<Option<RequestContext>> = const { Cell::new(None) };
}

/// The context of the running code.
pub(crate) fn current() -> Option<RequestContext> {
    let read = |slot: &Cell<Option<RequestContext>>| {
        let context = slot.take();
        slot.set(context.clone());
        context
    };
    // While a thread ends there is none.
    CURRENT.try_with(read).ok().flatten()
}

/// Makes a context the current one, until [`exit`](Self::exit).
///
/// The context is moved, which is cheaper than a count: meanwhile `context` holds what was current
/// before.
#[must_use = "the scope is to be left"]
pub(crate) struct Scope<'a> {
    context: &'a mut Option<RequestContext>,
}

impl<'a> Scope<'a> {
    #[inline]
    pub(crate) fn enter(context: &'a mut Option<RequestContext>) -> Self {
        swap(context);
        Self { context }
    }

    /// Moves both contexts back.
    #[inline]
    pub(crate) fn exit(self) {
        swap(self.context);
        // What is left to do in `drop` is for a panic.
        mem::forget(self);
    }
}

/// The scope was not left, so its work has panicked.
impl Drop for Scope<'_> {
    #[cold]
    fn drop(&mut self) {
        swap(self.context);
        if let Some(context) = self.context {
            context.cancel(Reason::Panicked);
        }
    }
}

#[inline]
fn swap(context: &mut Option<RequestContext>) {
    // While a thread ends there is no current context, neither now nor after the work.
    let _ = CURRENT.try_with(|slot| *context = slot.replace(context.take()));
}
