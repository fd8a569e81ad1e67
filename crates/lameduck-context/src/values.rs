//! Values by their type: set once, read without a lock.

use std::{any::Any, fmt, iter, sync::OnceLock};

/// Values by their type. A list that only grows: what is in it stays where it is, so it is read
/// without a lock. One is as long as the program has types to put into it.
#[derive(Default)]
pub(crate) struct Values {
    first: Place,
}

/// The end of a list, or a [`Node`]. Which that is, its type does not say: whether a type that
/// contains itself is `Send` is a question that rustc 1.95 does not answer twice in the same words,
/// and an incremental build fails over that.
type Place = OnceLock<Box<dyn Any + Send + Sync>>;

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
        let mut new: Box<dyn Any + Send + Sync> =
            Box::new(Node { value: Box::new(value), next: OnceLock::new() });
        let mut place = &self.first;
        loop {
            // Whoever comes second, on another thread too, finds the first there and goes on.
            let Err(back) = place.set(new) else { return true };
            new = back;
            match node_at(place) {
                Some(node) if !node.value.is::<T>() => place = &node.next,
                _ => return false,
            }
        }
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        iter::successors(node_at(&self.first), |node| node_at(&node.next))
    }
}

fn node_at(place: &Place) -> Option<&Node> {
    place.get()?.downcast_ref()
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("count", &self.nodes().count()).finish()
    }
}
