//! How many requests had each of the outcomes that are not a plain answer.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How many requests had each of the outcomes that are not a plain answer. Made by
/// [`ContextLayer::counts`](crate::ContextLayer::counts).
///
/// The numbers only grow. A request that is answered in time touches none of them. Clones share
/// the numbers, and so do layers that were made from one another.
#[derive(Clone, Default)]
pub struct ContextCounts {
    numbers: Arc<Numbers>,
}

/// Declares the numbers: a field, its reader and its writer each.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $note:ident;)*) => {
        #[derive(Debug, Default)]
        struct Numbers {
            $($name: AtomicU64,)*
        }

        impl ContextCounts {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> u64 {
                    self.numbers.$name.load(Ordering::Relaxed)
                }

                #[cold]
                pub(crate) fn $note(&self) {
                    // Relaxed, here and above: no code decides anything by these numbers.
                    self.numbers.$name.fetch_add(1, Ordering::Relaxed);
                }
            )*
        }

        impl fmt::Debug for ContextCounts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("ContextCounts")
                    $(.field(stringify!($name), &self.$name()))*
                    .finish()
            }
        }
    };
}

numbers! {
    /// Handlers that were notified of their deadline while they held their context.
    notified, note_notified;
    /// Notified handlers that answered within the grace.
    answered_in_grace, note_answered_in_grace;
    /// Handlers that were dropped at their deadline or after the grace: the 504s.
    deadline_exceeded, note_deadline_exceeded;
    /// Requests that did not enter their handler because their deadline had passed on arrival. With
    /// [`count_only`](crate::InboundDeadline::count_only), requests that would not have entered it.
    deadline_expired, note_deadline_expired;
    /// Requests whose caller's deadline was shorter than their own limit.
    deadline_shortened, note_deadline_shortened;
    /// Deadline headers that could not be read.
    invalid_deadlines, note_invalid_deadline;
    /// Handlers that were dropped because the stop was forced.
    forced, note_forced;
    /// Requests that were dropped before their answer was complete.
    client_gone, note_client_gone;
    /// Response bodies that were ended before they were complete, at their limit or at forced.
    bodies_cut, note_body_cut;
}
