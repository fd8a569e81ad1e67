//! The context of the running code.

use std::{
    cell::Cell,
    mem::{self, ManuallyDrop},
};

use crate::{CancelReason, RequestContext};

thread_local! {
    /// The context of the innermost layer that polls on this thread.
    ///
    /// Never dropped, so that a read need not ask whether it was. There is nothing to drop: a scope
    /// takes its context out again before the thread can end.
    static CURRENT: Cell<ManuallyDrop<Option<RequestContext>>> =
        const { Cell::new(ManuallyDrop::new(None)) };
}

/// The context of the running code.
pub(crate) fn current() -> Option<RequestContext> {
    let context = replace(None);
    replace(context.clone());
    context
}

/// Whether the running code has a context.
#[inline]
pub(crate) fn has_current() -> bool {
    let context = replace(None);
    let has_current = context.is_some();
    replace(context);
    has_current
}

/// Runs code that does not wait, with `context` as the current one.
pub(crate) fn run_in<T>(context: RequestContext, code: impl FnOnce() -> T) -> T {
    let mut context = Some(context);
    let scope = Scope::enter(&mut context);
    let output = code();
    scope.exit();
    output
}

#[inline]
fn replace(context: Option<RequestContext>) -> Option<RequestContext> {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(context)))
}

/// Makes a context the current one, until [`exit`](Self::exit).
///
/// The context is moved, which is cheaper than to count a clone. Meanwhile `context` holds the one
/// that was current before.
#[must_use = "a scope has to be left"]
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
        // `drop` is for a panic alone.
        mem::forget(self);
    }
}

/// The scope was not left, so its work has panicked.
impl Drop for Scope<'_> {
    #[cold]
    fn drop(&mut self) {
        swap(self.context);
        if let Some(context) = self.context {
            context.interrupt(CancelReason::Panicked);
        }
    }
}

#[inline]
fn swap(context: &mut Option<RequestContext>) {
    *context = replace(context.take());
}
