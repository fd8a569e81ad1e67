//! The contract's scenarios.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::{data::download_piece, plans};
use crate::{Connections, Plan, Scenario, oracle::Random};

/// How many variants of a request with random sizes or pauses a scenario has.
const VARIANTS: usize = 16;

/// The pause of clients that open a connection for each request. It is short, so that at any time
/// some connection is in the accept queue.
const SHORT_THINK: Duration = Duration::from_micros(2_500);

/// The longest pause of an idle client. A server keeps an idle connection for longer, if it never
/// asked the client to close it.
const IDLE: Duration = Duration::from_millis(1_500);

/// A scenario of the [contract](crate::contract): what its clients ask, and how they connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `GET /` on one connection, with a pause between two requests.
    KeepAlive,
    /// `GET /` on a new connection each time, with hardly a pause: a storm of connects.
    NewConnection,
    /// `GET /slow`, 50 to 400 ms, on one connection.
    SlowHandler,
    /// `GET /download`, 64 KiB to 1 MiB, read with pauses.
    Download,
    /// `POST /upload`, 4 to 12 parts with pauses between them, sized or chunked.
    SlowUpload,
    /// `GET /events`, 5 to 40 events.
    Sse,
    /// `GET /ws`, 5 to 40 messages that are echoed, then a close frame.
    ///
    /// One session counts as one request.
    WebSocket,
    /// Up to four streams at a time on one HTTP/2 connection, with prior knowledge.
    Http2,
    /// `GET /` on one connection that is idle for up to 1.5 s between two requests. Such a client
    /// may send its next request late in a stop, and may never have been asked to leave.
    Idle,
    /// `GET /` with its head in two halves, 20 to 400 ms apart, on one connection.
    HalfHead,
}

impl Kind {
    /// All scenarios of the contract, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::KeepAlive,
        Self::NewConnection,
        Self::SlowHandler,
        Self::Download,
        Self::SlowUpload,
        Self::Sse,
        Self::WebSocket,
        Self::Http2,
        Self::Idle,
        Self::HalfHead,
    ];

    /// The name in reports: lower case, words joined by `_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep_alive",
            Self::NewConnection => "new_connection",
            Self::SlowHandler => "slow_handler",
            Self::Download => "download",
            Self::SlowUpload => "slow_upload",
            Self::Sse => "sse",
            Self::WebSocket => "web_socket",
            Self::Http2 => "http2",
            Self::Idle => "idle",
            Self::HalfHead => "half_head",
        }
    }

    /// The scenario as data.
    #[must_use]
    pub fn scenario(self) -> Scenario {
        // The variants are the same for every load. The load's seed chooses among them.
        let mut random = Random::new(1);
        let connections = match self {
            Self::NewConnection | Self::Sse => Connections::PerRequest,
            Self::WebSocket => Connections::WebSocket { messages: 5..=40 },
            Self::Http2 => Connections::Http2 { streams: 4 },
            _ => Connections::Kept,
        };
        let mut scenario = Scenario::new(self.name(), connections, self.plans(&mut random));
        match self {
            Self::NewConnection => scenario.think_time = SHORT_THINK,
            Self::Idle => scenario.think_time = IDLE,
            _ => (),
        }
        scenario
    }

    fn plans(self, random: &mut Random) -> Vec<Plan> {
        let mut variants = |plan: fn(&mut Random) -> Plan| -> Vec<Plan> {
            (0..VARIANTS).map(|_| plan(random)).collect()
        };
        match self {
            Self::KeepAlive | Self::NewConnection | Self::Idle => vec![plans::index()],
            Self::SlowHandler => variants(|random| plans::slow(random.of(50..=400))),
            Self::Sse => variants(|random| plans::events(random.of(5..=40))),
            Self::WebSocket => vec![plans::web_socket()],
            Self::SlowUpload => variants(upload),
            Self::Download => variants(|random| {
                let mut plan = plans::download(random.of(64 * 1024..=1024 * 1024));
                plan.read_pause = Duration::from_millis(random.of(0..=8));
                plan
            }),
            Self::HalfHead => variants(|random| {
                let mut plan = plans::index();
                plan.head_pause = Duration::from_millis(random.of(20..=400));
                plan
            }),
            Self::Http2 => {
                let mut plans = variants(|_| plans::index());
                plans.extend(variants(|random| plans::slow(random.of(10..=200))));
                plans.extend(variants(|random| plans::download(random.of(1024..=256 * 1024))));
                plans
            }
        }
    }
}

fn upload(random: &mut Random) -> Plan {
    let parts = (0..random.of(4..=12))
        .map(|_| Bytes::from_static(download_piece(random.number(), random.of(1..=8 * 1024))));
    let parts = parts.collect();
    plans::upload(parts, Duration::from_millis(random.of(5..=40)), random.of(0..=1) == 0)
}

impl From<Kind> for Scenario {
    fn from(kind: Kind) -> Self {
        kind.scenario()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
