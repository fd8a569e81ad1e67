//! Writes several small pieces as one.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::ReadBuf;

use crate::Socket;

/// Up to this many bytes are copied into one piece: the system call for several pieces takes longer
/// (0.2 of 4.3 µs for a small answer) than the copy.
const MOST: usize = 1024;

pub(crate) fn poll_write<I: Socket>(
    io: &mut I,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    // Not zeroed first: that took longer than the copy.
    let mut joined = [MaybeUninit::uninit(); MOST];
    let mut joined = ReadBuf::uninit(&mut joined);
    for buf in bufs {
        if buf.len() > joined.remaining() {
            return Pin::new(io).poll_write_vectored(cx, bufs);
        }
        joined.put_slice(buf);
    }
    Pin::new(io).poll_write(cx, joined.filled())
}
