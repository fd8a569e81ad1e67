//! Servers whose paths are not those of the contract.

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use bytes::Bytes;
use lameduck_drill::{
    Connections, Expect, Held, HeldAt, Kind, LossReason, Oracle, Outcome, Plan, PlanBody, Scenario,
};
use tokio::net::TcpListener;

use super::server::Server;

async fn shop() -> Server {
    Server::start(async |listener: TcpListener| {
        let numbers = std::sync::atomic::AtomicU64::new(0);
        let number = move || numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        let numbered = std::sync::Arc::new(number);
        let app = Router::new()
            .route("/numbers", get(async move || numbered()))
            .route("/items", post(async |body: Bytes| (StatusCode::CREATED, body)))
            .route(
                "/token",
                get(async |headers: HeaderMap| {
                    headers["x-token"].clone().to_str().map(str::to_owned).unwrap_or_default()
                }),
            )
            .route("/head", get(async || "a body that HEAD leaves out"));
        let _ = axum::serve(listener, app).await;
    })
    .await
}

fn created() -> Plan {
    let mut body = PlanBody::new([Bytes::from_static(b"an "), Bytes::from_static(b"item")]);
    body.is_sized = false;
    let mut plan = Plan::post("/items", body).expecting(Expect::Text("an item".to_owned()));
    plan.status = 201;
    plan
}

fn with_token() -> Plan {
    let mut plan = Plan::get("/token").expecting(Expect::Text("secret".to_owned()));
    plan.headers.insert("x-token", http::HeaderValue::from_static("secret"));
    plan
}

#[tokio::test]
async fn any_method_path_header_body_and_status_can_be_a_plan() {
    let server = shop().await;
    let head = Plan::new(http::Method::HEAD, http::uri::PathAndQuery::from_static("/head"));
    for connections in
        [Connections::Kept, Connections::PerRequest, Connections::Http2 { streams: 3 }]
    {
        let plans = [Plan::get("/numbers"), created(), with_token(), head.clone()];
        let scenario = Scenario::new("shop", connections.clone(), plans);
        let running = Oracle::new(server.addr).with_client(scenario, 4).start();
        while running.snapshot().total.sent < 100 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let verdict = running.finish().await;
        assert_eq!(verdict.total.answered, verdict.total.sent, "{connections:?}: {verdict}");
    }
}

#[tokio::test]
async fn a_body_that_must_be_the_same_and_is_not_is_lost() {
    let server = shop().await;
    let plan = Plan::get("/numbers").expecting(Expect::Same);
    let scenario = Scenario::new("numbers", Connections::Kept, [plan]);
    let running = Oracle::new(server.addr).with_client(scenario, 2).start();
    while running.snapshot().total.sent < 4 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let verdict = running.finish().await;
    assert_eq!(verdict.total.answered, 1, "{verdict}");
    assert_eq!(verdict.losses[0].reason, LossReason::WrongBody { offset: 0 });
}

#[tokio::test]
async fn a_connection_can_be_held_at_any_point_of_any_plan() {
    let server = shop().await;
    for at in [HeldAt::Connected, HeldAt::HalfHead, HeldAt::HalfBody, HeldAt::Sent, HeldAt::Idle] {
        let held = Held::open(server.addr, created(), at).await;
        assert_eq!(held.finish().await, Outcome::Answered, "{at:?}");
    }
}

#[tokio::test]
async fn a_scenario_without_a_plan_sends_nothing() {
    let server = shop().await;
    let empty = Scenario::new("empty", Connections::Kept, []);
    let running = Oracle::new(server.addr)
        .with_client(empty, 2)
        .with_client(Scenario::new("numbers", Connections::Kept, [Plan::get("/numbers")]), 2)
        .start();
    while running.snapshot().total.answered < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let verdict = running.finish().await;
    assert_eq!(verdict.by_scenario[0].1.sent, 0, "{verdict}");
}

#[tokio::test]
async fn a_burst_sends_the_plans_of_the_load_and_has_a_row_of_its_own() {
    let server = shop().await;
    let scenario = Scenario::new("numbers", Connections::Kept, [Plan::get("/numbers")]);
    let mut running =
        Oracle::new(server.addr).with_client(Kind::WebSocket, 0).with_client(scenario, 1).start();
    running.burst(20);
    let verdict = running.finish().await;
    let burst = verdict.by_scenario.iter().find(|(name, _)| name == "burst").expect("a row");
    assert_eq!((burst.1.sent, burst.1.answered), (20, 20), "{verdict}");
}
