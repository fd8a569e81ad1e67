//! Who is in flight. Kept only by a count that was asked to.

mod entry;
mod escaped;
mod id;
mod record;
mod request;
mod route;

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use slab::Slab;

pub(crate) use self::record::Record;
pub use self::{
    entry::LedgerEntry,
    request::{InFlightRequest, Stage},
};

/// One shard's part of the ledger.
///
/// The slab keeps the places of those who left, so that a steady load allocates nothing.
pub(crate) struct Ledger {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    records: Slab<(u64, Record)>,
    /// The number of the next record. Tells a record from a later one in the same place.
    next: u64,
}

/// A place in the ledger. Plus one, so that a guard with no place costs no extra byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(NonZeroUsize);

impl Slot {
    fn new(key: usize) -> Option<Self> {
        key.checked_add(1).and_then(NonZeroUsize::new).map(Self)
    }

    const fn key(self) -> usize {
        self.0.get() - 1
    }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { book: Mutex::default() }
    }

    pub(crate) fn insert(&self, record: Record) -> Option<Slot> {
        let mut book = self.book();
        let number = book.next;
        let slot = Slot::new(book.records.vacant_key())?;
        book.next += 1;
        book.records.insert((number, record));
        Some(slot)
    }

    pub(crate) fn remove(&self, slot: Slot) {
        let record = self.book().records.try_remove(slot.key());
        // Outside the lock: what a record holds may belong to somebody whose destructor runs now.
        drop(record);
    }

    pub(crate) fn update(&self, slot: Slot, update: impl FnOnce(&mut Record)) {
        if let Some((_, record)) = self.book().records.get_mut(slot.key()) {
            update(record);
        }
    }

    /// The number of the record that is in this place now.
    fn number(&self, slot: Slot) -> Option<u64> {
        self.book().records.get(slot.key()).map(|(number, _)| *number)
    }

    /// Updates the record if it is still the one of that number. Returns whether it was.
    fn update_numbered(&self, slot: Slot, number: u64, update: impl FnOnce(&mut Record)) -> bool {
        match self.book().records.get_mut(slot.key()) {
            Some((found, record)) if *found == number => {
                update(record);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn list(&self, found: &mut Vec<InFlightRequest>) {
        let book = self.book();
        let records = book.records.iter().map(|(_, numbered)| numbered.clone());
        found.extend(records.map(|(number, record)| InFlightRequest::new(number, record)));
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics under the lock, and a record is whole at every point.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
