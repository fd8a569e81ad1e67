//! The messages of WebSocket libraries, as far as a goodbye needs them.

use super::CloseReason;

/// A WebSocket message that can be a close frame.
///
/// With the feature `axum` that of axum is one, with the feature `tungstenite` that of tungstenite
/// (and so of tokio-tungstenite). For others there is
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
