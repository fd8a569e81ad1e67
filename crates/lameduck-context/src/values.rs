//! Values by their type: set once, read without a lock.

use std::{any::Any, fmt, iter, sync::OnceLock};

/// Values by their type. A list that only grows: what is in it stays where it is, so it is read
/// without a lock. One is as long as the program has types to put into it.
#[derive(Default)]
pub(crate) struct Values {
    first: Place,
}

/// The end of a list, or more of it.
type Place = OnceLock<Box<Node>>;

struct Node {
    value: Box<dyn Any + Send + Sync>,
    next: Place,
}

impl Values {
    pub(crate) fn find<T: Any>(&self) -> Option<&T> {
        self.nodes().find_map(|node| node.value.downcast_ref())
    }

    /// Returns whether it was set: not if there is one of its type.
    pub(crate) fn set<T: Any + Send + Sync>(&self, value: T) -> bool {
        let mut new = Box::new(Node { value: Box::new(value), next: Place::new() });
        let mut place = &self.first;
        loop {
            // Whoever comes second, on another thread too, finds the first there and goes on.
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
