//! The body of an answer, which is in flight for as long as hyper has it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::link::Link;

pin_project! {
    /// The body of an answer on HTTP/1. Until its drop the connection is not idle.
    #[derive(Debug)]
    pub struct AnswerBody<B> {
        #[pin]
        inner: B,
        under_way: Option<UnderWay>,
    }
}

impl<B> AnswerBody<B> {
    pub(super) const fn new(inner: B, under_way: Option<UnderWay>) -> Self {
        Self { inner, under_way }
    }
}

/// A request on an HTTP/1 connection, from its call to the end of its answer.
#[derive(Debug)]
pub(super) struct UnderWay {
    link: Arc<Link>,
}

impl UnderWay {
    pub(super) fn begin(link: Arc<Link>) -> Self {
        link.conn().set_answering(true);
        Self { link }
    }

    /// Whether an answer with this status switches protocols.
    pub(super) fn on_answer(&self, status: StatusCode) -> bool {
        self.link.on_http1_answer(status)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.link.conn().set_answering(false);
    }
}

impl<B: Body> Body for AnswerBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
