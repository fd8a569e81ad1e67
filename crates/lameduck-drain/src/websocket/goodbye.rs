//! How the goodbye goes: told, flushed, answered, while messages pass.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::time::sleep;

use super::socket::{CloseOnDrain, State};
use crate::until::is_meant;

impl<S: Sink<M>, M> CloseOnDrain<S, M> {
    /// Takes the goodbye as far as it goes now. Ready: it is over without an answer.
    fn poll_goodbye(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if *this.state == State::Open {
            ready!(this.until.poll_due(cx));
            *this.state = State::Telling;
        }
        let before = *this.state;
        // What a socket that fails here has to say, it says to the reader.
        if *this.state == State::Telling {
            if let Poll::Ready(ready) = this.socket.as_mut().poll_ready(cx) {
                let close = (this.close)(this.reason);
                let sent = ready.and_then(|()| this.socket.as_mut().start_send(close));
                *this.state = if sent.is_ok() { State::Flushing } else { State::Told };
            }
        }
        if *this.state == State::Flushing && this.socket.as_mut().poll_flush(cx).is_ready() {
            *this.state = State::Told;
        }
        let time = *this.time_to_answer;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(time)));
        let is_over = timer.as_mut().poll(cx).is_ready() || this.until.poll_over(cx).is_ready();
        if is_over {
            *this.state = State::Ended;
        }
        // Only when there is news for it: it may be of this very task.
        if *this.state != before {
            this.sender.take().into_iter().for_each(Waker::wake);
        }
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
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
        // Before the socket: a peer that never pauses would not be told otherwise.
        if self.until.is_over() {
            return self.poll_goodbye(cx).map(|()| None);
        }
        let this = self.as_mut().project();
        match this.socket.poll_next(cx) {
            Poll::Ready(Some(message)) => return Poll::Ready(Some(message)),
            Poll::Ready(None) => {
                *this.state = State::Ended;
                return Poll::Ready(None);
            }
            Poll::Pending if *this.state == State::Open && !is_meant(cx) => return Poll::Pending,
            Poll::Pending => {}
        }
        self.poll_goodbye(cx).map(|()| None)
    }
}

impl<S: Sink<M>, M> Sink<M> for CloseOnDrain<S, M> {
    type Error = S::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let this = self.project();
        if is_silent(*this.state) {
            return Poll::Ready(Ok(()));
        }
        let poll = this.socket.poll_ready(cx);
        kept(this.sender, cx, poll)
    }

    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), S::Error> {
        let this = self.project();
        if is_silent(*this.state) {
            return Ok(());
        }
        this.socket.start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let this = self.project();
        if *this.state == State::Told {
            return Poll::Ready(Ok(()));
        }
        let poll = this.socket.poll_flush(cx);
        kept(this.sender, cx, poll)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let this = self.project();
        let poll = this.socket.poll_close(cx);
        kept(this.sender, cx, poll)
    }
}

/// Whether the close frame is sent and not answered.
const fn is_silent(state: State) -> bool {
    matches!(state, State::Flushing | State::Told)
}

/// Keeps the waker of a sender that has to wait.
fn kept<T>(sender: &mut Option<Waker>, cx: &Context<'_>, poll: Poll<T>) -> Poll<T> {
    if poll.is_pending() {
        match sender {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *sender = Some(cx.waker().clone()),
        }
    }
    poll
}
