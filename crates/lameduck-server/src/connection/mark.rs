//! Why a stop waits for a connection.

/// Why a connection is waited for. A bit each.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Mark {
    /// Until its peer was told that it is to leave.
    Unnotified = 1,
    /// It was there when draining began.
    BeforeDraining = 2,
}
