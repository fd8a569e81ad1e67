//! The context of the running code.

use std::{
    cell::Cell,
    mem::{self, ManuallyDrop},
};

use crate::{Reason, RequestContext};

thread_local! {
    /// The context of the innermost layer that polls on this thread.
    ///
    /// Never dropped, so that reading it needs no look at whether it was. There is nothing to drop:
    /// who puts a context here takes it out again before the thread can end.
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
pub(crate) fn is_inside() -> bool {
    let context = replace(None);
    let is_inside = context.is_some();
    replace(context);
    is_inside
}

#[inline]
fn replace(context: Option<RequestContext>) -> Option<RequestContext> {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(context)))
}

impl RequestContext {
    /// Runs code that does not wait, with this as the current context.
    pub(crate) fn while_current<T>(self, code: impl FnOnce() -> T) -> T {
        let mut context = Some(self);
        let scope = Scope::enter(&mut context);
        let output = code();
        scope.exit();
        output
    }
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
            context.interrupt(Reason::Panicked);
        }
    }
}

#[inline]
fn swap(context: &mut Option<RequestContext>) {
    *context = replace(context.take());
}
