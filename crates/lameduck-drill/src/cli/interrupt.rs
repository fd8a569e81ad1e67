//! The runtime of the program, and how a signal ends a drill.

use std::future::Future;

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};

use crate::drill::DrillError;

pub(super) fn runtime() -> Result<Runtime, DrillError> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| DrillError::io("the runtime cannot be started", error))
}

/// Drops the future at SIGINT and SIGTERM. A drill that is dropped kills its program.
pub(super) async fn until_interrupted<T>(
    future: impl Future<Output = Result<T, DrillError>>,
) -> Result<T, DrillError> {
    let listen =
        |kind| signal(kind).map_err(|error| DrillError::io("signals cannot be caught", error));
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        result = future => result,
        _ = interrupt.recv() => Err(DrillError::new("interrupted")),
        _ = terminate.recv() => Err(DrillError::new("terminated")),
    }
}
