//! Values by their type: set once, read without a lock.

use std::{any::Any, fmt, sync::OnceLock};

/// Values by their type. A list that only grows: what is in it stays where it is, so it is read
/// without a lock. One is as long as the program has types to put into it.
#[derive(Default)]
pub(crate) struct Values {
    first: OnceLock<Box<Node>>,
}

struct Node {
    value: Box<dyn Any + Send + Sync>,
    next: OnceLock<Box<Self>>,
}

impl Values {
    pub(crate) fn find<T: Any>(&self) -> Option<&T> {
        let mut place = &self.first;
        while let Some(node) = place.get() {
            if let Some(value) = node.value.downcast_ref() {
                return Some(value);
            }
            place = &node.next;
        }
        None
    }

    /// Returns whether it was set: not if there is one of its type.
    pub(crate) fn set<T: Any + Send + Sync>(&self, value: T) -> bool {
        let mut new = Box::new(Node { value: Box::new(value), next: OnceLock::new() });
        let mut place = &self.first;
        loop {
            // Whoever comes second, on another thread too, finds the first there and goes on.
            let Err(back) = place.set(new) else { return true };
            new = back;
            let Some(node) = place.get() else { return false };
            if node.value.is::<T>() {
                return false;
            }
            place = &node.next;
        }
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut count = 0_usize;
        let mut place = &self.first;
        while let Some(node) = place.get() {
            count += 1;
            place = &node.next;
        }
        f.debug_struct("Values").field("count", &count).finish()
    }
}
