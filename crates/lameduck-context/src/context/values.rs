//! Values by their type: set once, read without a lock.

use std::{any::Any, fmt, iter, sync::OnceLock};

/// Values by their type.
///
/// The list only grows and its nodes never move, so it is read without a lock. It is never longer
/// than the number of types that the program stores.
#[derive(Default)]
pub(super) struct Values {
    first: Place,
}

/// The next node of a list, or its end.
type Place = OnceLock<Box<Node>>;

struct Node {
    value: Box<dyn Any + Send + Sync>,
    next: Place,
}

impl Values {
    pub(super) fn find<T: Any>(&self) -> Option<&T> {
        self.nodes().find_map(|node| node.value.downcast_ref())
    }

    /// Adds a value. Returns `false`, and adds nothing, if there is one of the same type.
    pub(super) fn set<T: Any + Send + Sync>(&self, value: T) -> bool {
        let mut new = Box::new(Node { value: Box::new(value), next: Place::new() });
        let mut place = &self.first;
        loop {
            // Of two threads that fill one place, the second sees the first's node and goes on.
            let Err(back) = place.set(new) else { return true };
            new = back;
            match place.get() {
                Some(node) if !node.value.is::<T>() => place = &node.next,
                _ => return false,
            }
        }
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        iter::successors(self.first.get(), |node| node.next.get()).map(Box::as_ref)
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("count", &self.nodes().count()).finish()
    }
}
