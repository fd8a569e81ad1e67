//! Which requests are in flight. Kept only by a count whose options ask for it.

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
use crate::{
    RequestIdSource,
    sync::{AtomicCell, Mutex, MutexGuard},
};

/// One shard's part of the ledger: its lines, and which of them are free.
///
/// A line is kept for the next request when its own is over, so that a steady load allocates
/// nothing. Lines are never freed: there are as many as requests were in flight at once.
pub(crate) struct Ledger {
    /// A free line that takes no lock: enough for a thread whose requests never wait.
    spare: AtomicCell<Option<&'static Line>>,
    lines: Mutex<Lines>,
    ids: RequestIdSource,
}

#[derive(Default)]
struct Lines {
    all: Vec<&'static Line>,
    free: Vec<&'static Line>,
}

impl Ledger {
    pub(crate) fn new(ids: RequestIdSource) -> Self {
        Self { spare: AtomicCell::new(None), lines: Mutex::default(), ids }
    }

    /// Lists a request, under a number that no other has.
    #[inline]
    pub(crate) fn list_request<B>(&self, number: u64, request: &Request<B>) -> &'static Line {
        let line = self.take();
        let id = match self.ids {
            RequestIdSource::Header => id::of_request(request.headers()),
            RequestIdSource::Assigned => &[],
        };
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

    /// Removes a request or a guard from the ledger.
    #[inline]
    pub(crate) fn unlist(&self, line: &'static Line) {
        line.close();
        if let Some(other) = self.spare.swap(Some(line)) {
            self.lines().free.push(other);
        }
    }

    pub(crate) fn show(&self, found: &mut Vec<InFlightRequest>) {
        // Not under the lock, which requests take.
        let lines = self.lines().all.clone();
        let now = line::now();
        found.extend(lines.into_iter().filter_map(|line| line.show(now)));
    }

    #[inline]
    fn take(&self) -> &'static Line {
        self.spare.swap(None).unwrap_or_else(|| self.lines().take())
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Nothing panics under the lock, and the lists are whole at every point.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn take(&mut self) -> &'static Line {
        if let Some(line) = self.free.pop() {
            return line;
        }
        // Padded: requests on different threads write to their lines.
        let line: &CachePadded<Line> = Box::leak(Box::new(CachePadded::new(Line::new())));
        self.all.push(line);
        // Room for all of them to come back, so that no request's end allocates.
        self.free.reserve(self.all.len());
        line
    }
}
