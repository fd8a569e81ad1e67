//! How a socket closes: the close frame is sent, flushed and answered, while messages pass.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::time::sleep;

use super::socket::{CloseOnDrain, State};
use crate::until::is_really_pending;

/// Closes the socket as far as possible now. Ready: it is over, without an answer.
fn poll_closing<S: Sink<M>, M>(
    socket: Pin<&mut CloseOnDrain<S, M>>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let mut this = socket.project();
    if *this.state == State::Open {
        ready!(this.until.poll_due(cx));
        *this.state = State::Sending;
    }
    let before = *this.state;
    // An error here is left to the reader, which gets it with its next poll.
    if *this.state == State::Sending {
        if let Poll::Ready(ready) = this.socket.as_mut().poll_ready(cx) {
            let close = (this.close)(&this.options.reason);
            let sent = ready.and_then(|()| this.socket.as_mut().start_send(close));
            *this.state = if sent.is_ok() { State::Flushing } else { State::Sent };
        }
    }
    if *this.state == State::Flushing && this.socket.as_mut().poll_flush(cx).is_ready() {
        *this.state = State::Sent;
    }
    let time = this.options.close_timeout;
    let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(time)));
    let is_over = timer.as_mut().poll(cx).is_ready() || this.until.poll_over(cx).is_ready();
    if is_over {
        *this.state = State::Ended;
    }
    // Only when the state has changed: the waker may be this very task's.
    if *this.state != before {
        this.sender.take().into_iter().for_each(Waker::wake);
    }
    if is_over { Poll::Ready(()) } else { Poll::Pending }
}

impl<S, M, E> Stream for CloseOnDrain<S, M>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
{
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if self.state == State::Ended {
            return Poll::Ready(None);
        }
        // Checked before the socket: one whose peer never pauses would not close otherwise.
        if self.until.is_over() {
            return poll_closing(self, cx).map(|()| None);
        }
        let this = self.as_mut().project();
        match this.socket.poll_next(cx) {
            Poll::Ready(Some(message)) => return Poll::Ready(Some(message)),
            Poll::Ready(None) => {
                *this.state = State::Ended;
                return Poll::Ready(None);
            }
            Poll::Pending if *this.state == State::Open && !is_really_pending(cx) => {
                return Poll::Pending;
            }
            Poll::Pending => {}
        }
        poll_closing(self, cx).map(|()| None)
    }
}

impl<S: Sink<M>, M> Sink<M> for CloseOnDrain<S, M> {
    type Error = S::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let this = self.project();
        if drops_messages(*this.state) {
            return Poll::Ready(Ok(()));
        }
        let poll = this.socket.poll_ready(cx);
        keep_waker(this.sender, cx, poll)
    }

    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), S::Error> {
        let this = self.project();
        if drops_messages(*this.state) {
            return Ok(());
        }
        this.socket.start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let this = self.project();
        if *this.state == State::Sent {
            return Poll::Ready(Ok(()));
        }
        let poll = this.socket.poll_flush(cx);
        keep_waker(this.sender, cx, poll)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let this = self.project();
        let poll = this.socket.poll_close(cx);
        keep_waker(this.sender, cx, poll)
    }
}

/// Whether the close frame is sent and not answered, so that no message may follow.
const fn drops_messages(state: State) -> bool {
    matches!(state, State::Flushing | State::Sent)
}

/// Keeps the waker of a sender that has to wait.
fn keep_waker<T>(sender: &mut Option<Waker>, cx: &Context<'_>, poll: Poll<T>) -> Poll<T> {
    if poll.is_pending() {
        match sender {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *sender = Some(cx.waker().clone()),
        }
    }
    poll
}
