//! Why a stop waits for a connection.

/// Why a stop waits for a connection. One bit each.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Mark {
    /// Its client is not notified yet.
    Unnotified = 1,
    /// It was there when draining began.
    BeforeDraining = 2,
}
