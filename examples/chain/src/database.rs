//! The service that works: it runs a query in a task of its own, as a connection pool does.

use std::{error::Error, time::Duration};

use lameduck::{Lameduck, Report, context::RequestContext};
use lameduck_test_support::announce;
use tokio::{net::TcpListener, time::sleep};
use tonic::{Request, Response, Status, transport::Server};

use crate::{
    wire::{
        Question, Rows,
        database_server::{Database, DatabaseServer},
    },
    work::Work,
};

pub(crate) async fn serve(duck: Lameduck, addr: &str) -> Result<Report, Box<dyn Error>> {
    let listener = duck.listener(TcpListener::bind(addr).await?);
    announce("http", listener.local_addr()?);
    Server::builder()
        .layer(duck.layer())
        .add_service(DatabaseServer::new(Rooms))
        .serve_with_incoming_shutdown(listener.into_incoming(), duck.shutdown_signal())
        .await?;
    Ok(duck.finished().await)
}

/// A database of one table.
#[derive(Debug)]
struct Rooms;

#[tonic::async_trait]
impl Database for Rooms {
    async fn query(&self, question: Request<Question>) -> Result<Response<Rows>, Status> {
        let _work = Work::begin("handler");
        let takes = Duration::from_millis(question.into_inner().takes_ms);
        let context = RequestContext::current().ok_or_else(|| Status::internal("no context"))?;
        // The context ends it, so neither the handler nor its caller has to.
        let query = context.spawn("query", async move {
            let _work = Work::begin("query");
            sleep(takes).await;
            Rows { count: 1 }
        });
        match query.await {
            Ok(rows) => Ok(Response::new(rows)),
            Err(error) => Err(Status::deadline_exceeded(error.to_string())),
        }
    }
}
