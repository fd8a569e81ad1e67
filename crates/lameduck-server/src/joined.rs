//! Writes what comes in several small pieces as one.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use crate::Socket;

/// So many bytes are copied into one piece: the system call for several takes longer (0.2 of
/// 4.3 µs for a small answer) than the copy.
const MOST: usize = 1024;

pub(crate) fn poll_write<I: Socket>(
    io: &mut I,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let len: usize = bufs.iter().map(|buf| buf.len()).sum();
    if len > MOST {
        return Pin::new(io).poll_write_vectored(cx, bufs);
    }
    let mut joined = [0; MOST];
    let mut end = 0;
    for buf in bufs {
        if let Some(place) = joined.get_mut(end..end + buf.len()) {
            place.copy_from_slice(buf);
            end += buf.len();
        }
    }
    Pin::new(io).poll_write(cx, joined.get(..end).unwrap_or_default())
}
