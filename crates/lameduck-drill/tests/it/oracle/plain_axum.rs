//! The control: the oracle finds the requests that a stock graceful shutdown loses.

use lameduck_drill::{burst_in_accept_queue, finish_all};
use tokio::task::JoinSet;

use super::server::listen;

/// How many connections are in the accept queue at the signal.
const BURST: u64 = 200;

/// How often it is tried. One try is mostly enough: at each turn of its loop axum takes either the
/// signal or one more connection, by chance.
const TRIES: usize = 10;

#[tokio::test]
async fn a_stock_graceful_shutdown_loses_what_is_in_the_accept_queue() {
    for _ in 0..TRIES {
        let (listener, addr) = listen().await;
        let burst = burst_in_accept_queue(addr, BURST as usize).await;
        let app = lameduck_drill::app(std::future::pending::<()>);
        let mut server = JoinSet::new();
        server.spawn(async {
            let signal = std::future::ready(());
            let _ = axum::serve(listener, app).with_graceful_shutdown(signal).await;
        });
        let verdict = finish_all(burst).await;
        assert_eq!(verdict.total.sent, BURST, "{verdict}");
        assert_eq!(verdict.total.refused, 0, "all are in the queue: {verdict}");
        if verdict.total.lost > 0 {
            assert!(!verdict.is_clean());
            return;
        }
    }
    panic!("{TRIES} stops of {BURST} connections each, and no loss was found");
}
