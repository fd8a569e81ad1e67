//! What one client does until the load ends, and the client that speaks HTTP/1.1.

use std::time::Duration;

use super::{
    Connections, Outcome,
    http1::Conn,
    http2,
    random::Random,
    shared::{Script, Shared},
    websocket,
};

/// The pause after a request that was rejected or refused, and the longest it grows to.
const BACKOFF: Duration = Duration::from_millis(20);
const LONGEST_BACKOFF: Duration = Duration::from_millis(200);

/// Runs one client until the load ends.
pub(super) async fn run(shared: &Shared, script: &Script, mut random: Random) {
    let think_time = script.scenario.think_time;
    let (mut backoff, mut kept) = (BACKOFF, None);
    // The pause before the first request spreads the clients of one scenario.
    while shared.pause(random.pause(think_time)).await {
        let outcome = match &script.scenario.connections {
            Connections::WebSocket { messages } => {
                let messages = random.of(messages.clone());
                websocket::session(shared, script, messages, &mut random).await
            }
            Connections::Http2 { streams } => {
                http2::connection(shared, script, *streams, &mut random).await
            }
            _ => http1(shared, script, &mut random, &mut kept).await,
        };
        match outcome {
            None => return,
            Some(Outcome::Refused | Outcome::Rejected) => {
                // The client comes back, but with growing pauses.
                shared.pause(backoff).await;
                backoff = LONGEST_BACKOFF.min(backoff * 2);
            }
            Some(_) => backoff = BACKOFF,
        }
    }
}

/// Sends one request on a new connection.
pub(super) async fn once(shared: &Shared, script: &Script, mut random: Random) {
    http1(shared, script, &mut random, &mut None).await;
}

/// Sends one request, on the kept connection if it can still be used. None if there is no plan.
async fn http1(
    shared: &Shared,
    script: &Script,
    random: &mut Random,
    kept: &mut Option<Conn>,
) -> Option<Outcome> {
    let target = script.choose(random)?;
    let reusable = kept.take().filter(Conn::is_usable);
    let ticket = shared.ledger.begin(script.row);
    let conn = match reusable {
        Some(conn) => Ok(conn),
        None => Conn::open(shared.addr).await,
    };
    let outcome = match conn {
        Err(outcome) => outcome,
        Ok(mut conn) => {
            let outcome = conn.send(target, shared.time_limit).await;
            if script.scenario.connections == Connections::Kept {
                *kept = Some(conn);
            }
            outcome
        }
    };
    ticket.end(outcome);
    Some(outcome)
}
