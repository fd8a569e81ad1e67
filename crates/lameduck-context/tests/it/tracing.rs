//! What is logged of a request.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use lameduck_context::{ContextLayer, TraceOptions};
use tower::{Layer, Service, ServiceExt};
use tracing::{Level, field::Empty, subscriber::DefaultGuard};

use crate::support::{Answer, ask, ask_with, current, handler, hello};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Collects what this thread logs.
    fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let theirs = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || theirs.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_logged_as_499_and_a_deadline_as_504() {
    let (log, _guard) = Log::begin();
    let layer = ContextLayer::new()
        .with_options(|options| options.trace = Some(TraceOptions::new()))
        .with_timeout(Duration::from_secs(1));
    let mut service = layer.layer(handler(|_| std::future::pending::<Answer>()));
    let mut request = ask_with("x-request-id", "left");
    request.headers_mut().insert("traceparent", PARENT.parse().expect("a value"));
    drop(service.call(request));
    let text = log.text();
    for part in
        ["DEBUG", "request.client_gone", "status=499", "client_gone", "left", "0af7651916cd"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    service.oneshot(ask_with("x-request-id", "late")).await.expect("infallible");
    let text = log.text();
    for part in ["request.cut", "status=504", "deadline_exceeded", "late"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_request_that_ends_well_is_not_logged() {
    let (log, _guard) = Log::begin();
    let service = ContextLayer::new().layer(handler(|_| async { hello() }));
    let response = service.oneshot(ask()).await.expect("infallible");
    http_body_util::BodyExt::collect(response.into_body()).await.expect("whole");
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_span_has_the_ids_whose_fields_it_declares() {
    let (log, _guard) = Log::begin();
    let layer =
        ContextLayer::new().with_options(|options| options.trace = Some(TraceOptions::new()));
    let service = layer.layer(handler(|_| async {
        let span =
            tracing::info_span!("request", request_id = Empty, trace_id = Empty, span_id = Empty);
        current().record_in(&span);
        span.in_scope(|| tracing::info!("hello"));
        hello()
    }));
    let mut request = ask_with("x-request-id", "mine");
    request.headers_mut().insert("traceparent", PARENT.parse().expect("a value"));
    service.oneshot(request).await.expect("infallible");
    let text = log.text();
    let ids = "trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331";
    assert!(text.contains(ids) && text.contains("request_id=\"mine\""), "{text}");
}
