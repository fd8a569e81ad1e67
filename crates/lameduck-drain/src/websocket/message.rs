//! The messages of WebSocket libraries, as far as a close frame needs them.

use super::CloseReason;

/// A WebSocket message that can be a close frame.
///
/// Implemented for the messages of axum (feature `axum`) and of tungstenite, which
/// tokio-tungstenite shares (feature `tungstenite`). For others use
/// [`CloseOnDrain::new`](crate::CloseOnDrain::new), with a closure.
pub trait CloseMessage: Sized {
    /// A close frame.
    fn close(reason: &CloseReason) -> Self;
}

#[cfg(feature = "axum")]
impl CloseMessage for axum::extract::ws::Message {
    fn close(reason: &CloseReason) -> Self {
        let (code, reason) = (reason.code(), reason.text().into());
        Self::Close(Some(axum::extract::ws::CloseFrame { code, reason }))
    }
}

#[cfg(feature = "tungstenite")]
impl CloseMessage for tungstenite::Message {
    fn close(reason: &CloseReason) -> Self {
        let (code, reason) = (reason.code().into(), reason.text().into());
        Self::Close(Some(tungstenite::protocol::CloseFrame { code, reason }))
    }
}
