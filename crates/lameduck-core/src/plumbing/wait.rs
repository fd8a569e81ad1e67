//! Waits for a condition that other tasks announce.

use std::future::Future;

/// Waits until `check` returns a value. Checks at once, and again after each wake-up.
///
/// `notified` makes a future that completes at every announcement made after its creation, as
/// tokio's `Notify::notified` does for `notify_waiters`. It is made before each check, so an
/// announcement between the check and the wait is not missed.
///
/// # Cancel safety
///
/// The future may be dropped and made anew at any time.
pub async fn wait_until<N, T>(notified: impl Fn() -> N, mut check: impl FnMut() -> Option<T>) -> T
where
    N: Future<Output = ()>,
{
    loop {
        let notified = notified();
        if let Some(value) = check() {
            return value;
        }
        notified.await;
    }
}
