//! Logs when work began, with how much time left, and when it ended.

use std::time::SystemTime;

use lameduck::context::RequestContext;

/// Work in progress. Logs its end when it is dropped.
#[derive(Debug)]
pub(crate) struct Work {
    name: &'static str,
}

impl Work {
    pub(crate) fn begin(name: &'static str) -> Self {
        let context = RequestContext::current();
        let left_ms =
            context.as_ref().and_then(RequestContext::remaining).map(|left| left.as_millis());
        let left_ms = left_ms.and_then(|left| u64::try_from(left).ok());
        let id = context.as_ref().and_then(RequestContext::request_id);
        tracing::info!(
            event = "work.began",
            work = name,
            left_ms,
            request_id = id,
            at_us = at_us()
        );
        Self { name }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let context = RequestContext::current();
        let reason = context.and_then(|context| context.reason()).map(|reason| reason.name());
        tracing::info!(event = "work.ended", work = self.name, reason, at_us = at_us());
    }
}

/// The time of day, which all processes of the machine share.
fn at_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
