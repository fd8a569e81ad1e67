//! Who is in flight. Kept only by a count that was asked to.

mod current;
mod escaped;
mod id;
mod line;
mod request;
mod route;
mod text;

use std::sync::PoisonError;

use crossbeam_utils::CachePadded;
use http::Request;

pub(crate) use self::{current::Current, line::Line};
pub use self::{
    current::set_request_id,
    request::{InFlightRequest, RequestStage},
};
use crate::sync::{AtomicCell, Mutex, MutexGuard};

/// One shard's part of the ledger: its lines, and which of them are free.
///
/// A line is kept for the next request when its own is over, so that a steady load allocates
/// nothing. Lines are never freed: there are as many as requests were in flight at once.
pub(crate) struct Ledger {
    /// A free line to be had without the lock: all that a thread needs whose requests never wait.
    spare: AtomicCell<Option<&'static Line>>,
    book: Mutex<Book>,
    /// Whether a request's own header is read for its id, or only told ids are taken.
    reads_ids: bool,
}

#[derive(Default)]
struct Book {
    lines: Vec<&'static Line>,
    free: Vec<&'static Line>,
}

impl Ledger {
    pub(crate) fn new(reads_ids: bool) -> Self {
        Self { spare: AtomicCell::new(None), book: Mutex::default(), reads_ids }
    }

    /// Lists a request, under a number that no other has.
    #[inline]
    pub(crate) fn list_request<B>(&self, number: u64, request: &Request<B>) -> &'static Line {
        let line = self.take();
        let id = if self.reads_ids { id::of_request(request.headers()) } else { &[] };
        line.open(
            number,
            RequestStage::Handler,
            Some(request.method()),
            route::of_request(request),
            id,
        );
        line
    }

    /// Lists work under a guard.
    pub(crate) fn list_guard(&self, number: u64, name: &str) -> &'static Line {
        let line = self.take();
        line.open(number, RequestStage::Guard, None, name, &[]);
        line
    }

    /// Takes what has a line of this ledger off it.
    #[inline]
    pub(crate) fn strike(&self, line: &'static Line) {
        line.close();
        if let Some(other) = self.spare.swap(Some(line)) {
            self.book().free.push(other);
        }
    }

    pub(crate) fn show(&self, found: &mut Vec<InFlightRequest>) {
        // Not under the book's lock, which requests take.
        let lines = self.book().lines.clone();
        let now = line::now();
        found.extend(lines.into_iter().filter_map(|line| line.show(now)));
    }

    #[inline]
    fn take(&self) -> &'static Line {
        self.spare.swap(None).unwrap_or_else(|| self.book().take())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics under the lock, and the book is whole at every point.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn take(&mut self) -> &'static Line {
        if let Some(line) = self.free.pop() {
            return line;
        }
        // Padded: requests on different threads write to their lines.
        let line: &CachePadded<Line> = Box::leak(Box::new(CachePadded::new(Line::new())));
        self.lines.push(line);
        // Room for all of them to come back, so that no request's end allocates.
        self.free.reserve(self.lines.len());
        line
    }
}
