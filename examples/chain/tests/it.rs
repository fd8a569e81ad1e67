//! One deadline through a chain of three real processes.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::time::{Duration, SystemTime};

use lameduck_test_support::{Stopped, TestServer};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// The work on one request, outermost first. The query is a task of its own.
const WORK: [&str; 4] = ["edge", "middle", "handler", "query"];

/// The time within which all of them stop.
const TOGETHER: Duration = Duration::from_millis(50);

/// The best of so many tries counts, because a busy machine delays some of them.
const TRIES: usize = 5;

const BOUND: Duration = Duration::from_secs(20);

struct Chain {
    edge: TestServer,
    middle: TestServer,
    database: TestServer,
}

/// What was logged about one kind of work.
struct Seen {
    name: &'static str,
    began: Vec<Value>,
    ended: Vec<Value>,
}

impl Chain {
    async fn start() -> Self {
        let program = env!("CARGO_BIN_EXE_chain");
        let url = |server: &TestServer| format!("http://{}", server.addr());
        let database = TestServer::start(program, ["database"]).await;
        let middle = TestServer::start(program, ["middle", "--next", &url(&database)]).await;
        let edge = TestServer::start(program, ["edge", "--next", &url(&middle)]).await;
        Self { edge, middle, database }
    }

    /// Sends a request whose query takes so long.
    async fn ask(&self, takes_ms: u64) -> TcpStream {
        let mut stream = TcpStream::connect(self.edge.addr()).await.unwrap();
        let head =
            format!("GET /?takes_ms={takes_ms} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Waits until all work for so many requests has ended.
    async fn ended(&mut self, requests: usize) {
        let Self { edge, middle, database } = self;
        for (server, works) in [(edge, 1), (middle, 1), (database, 2)] {
            let ended = |log: &[Value]| {
                log.iter().filter(|line| line["fields"]["event"] == "work.ended").count()
            };
            server.logged_that(|log| ended(log) == works * requests).await;
        }
    }

    /// Stops all three, each with two signals, which skips lame duck.
    async fn stop(self) -> [Seen; 4] {
        let Self { edge, middle, database } = self;
        let mut ended = Vec::new();
        for server in [edge, middle, database] {
            ended.push(stopped(server).await);
        }
        let [edge, middle, database] = &ended[..] else { unreachable!("there are three") };
        let by = [edge, middle, database, database];
        std::array::from_fn(|at| Seen::of(WORK[at], by[at]))
    }
}

/// Ends an idle server, for its log.
async fn stopped(mut server: TestServer) -> Stopped {
    server.terminate();
    server.logged("shutdown.initiated").await;
    // A second signal within a second counts as an echo of the first.
    sleep(Duration::from_millis(1100)).await;
    server.terminate();
    server.stopped().await
}

impl Seen {
    fn of(name: &'static str, log: &Stopped) -> Self {
        let of = |event: &str| {
            let events = log.events(event).into_iter();
            events.filter(|event| event["work"] == name).cloned().collect()
        };
        Self { name, began: of("work.began"), ended: of("work.ended") }
    }

    /// How far from these moments the work ended, for each try.
    fn ended_after(&self, moments: &[u64]) -> Vec<Duration> {
        // All work that began has ended, and none began twice.
        let counts = (self.began.len(), self.ended.len());
        assert_eq!(counts, (moments.len(), moments.len()), "{}", self.name);
        let ended = self.ended.iter().map(|event| event["at_us"].as_u64().unwrap());
        ended.zip(moments).map(|(ended, at)| Duration::from_micros(ended.abs_diff(*at))).collect()
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

/// All four stopped within 50 ms of at least one of these moments.
fn check_together(seen: &[Seen; 4], moments: &[u64]) {
    let after = seen.each_ref().map(|seen| seen.ended_after(moments));
    let worst = |attempt: usize| after.iter().map(|after| after[attempt]).max().unwrap();
    let best = (0..moments.len()).map(worst).min().unwrap();
    assert!(best <= TOGETHER, "{best:?}: {after:?}");
}

#[tokio::test]
async fn each_hop_sees_less_and_all_stop_when_the_edge_answers_for_its_deadline() {
    let mut chain = Chain::start().await;
    let mut answered = Vec::new();
    for _ in 0..TRIES {
        let mut stream = chain.ask(60_000).await;
        let mut answer = String::new();
        timeout(BOUND, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answered.push(now_us());
        assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    }
    chain.ended(TRIES).await;
    let seen = chain.stop().await;
    check_together(&seen, &answered);
    for attempt in 0..TRIES {
        let left = seen.each_ref().map(|seen| seen.began[attempt]["left_ms"].as_u64().unwrap());
        let [edge, middle, handler, query] = left;
        assert!(edge <= 1000 && middle <= edge - 20 && handler <= middle - 20, "{left:?}");
        assert!(query <= handler, "{left:?}");
    }
    // One request id, made at the edge, through all three.
    let id = |seen: &Seen| seen.began[0]["request_id"].as_str().map(str::to_owned).unwrap();
    assert!(seen.iter().all(|other| id(other) == id(&seen[0])));
}

#[tokio::test]
async fn all_stop_when_the_client_leaves() {
    let mut chain = Chain::start().await;
    let mut left = Vec::new();
    for attempt in 1..=TRIES {
        let stream = chain.ask(60_000).await;
        let is_there = |log: &[Value]| {
            let fields = log.iter().map(|line| &line["fields"]);
            fields.filter(|f| f["event"] == "work.began" && f["work"] == "query").count() == attempt
        };
        chain.database.logged_that(is_there).await;
        left.push(now_us());
        drop(stream);
        chain.ended(attempt).await;
    }
    let seen = chain.stop().await;
    check_together(&seen, &left);
}

#[tokio::test]
async fn a_query_that_is_done_in_time_is_answered() {
    let chain = Chain::start().await;
    let mut stream = chain.ask(100).await;
    let mut answer = String::new();
    timeout(BOUND, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("1 rows"), "{answer}");
    for seen in chain.stop().await {
        assert_eq!((seen.began.len(), seen.ended.len()), (1, 1), "{}", seen.name);
    }
}
