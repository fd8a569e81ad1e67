//! Servers that do exactly what a test wants, right or wrong.

use std::{future::Future, net::SocketAddr, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

/// A server on a free port. Dropped, it ends with all its connections.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    _tasks: JoinSet<()>,
}

/// What the server does after an answer.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// It closes the connection.
    Close,
    /// It resets the connection.
    Reset,
    /// It keeps the connection open, and the next request gets the next answer.
    Keep,
}

/// The answers on each connection, one for each request.
pub(super) type Answer = (&'static str, Then);

/// Listens on a free port, with room for a burst.
pub(super) async fn listen() -> (TcpListener, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener = socket.listen(1024).expect("bound");
    let addr = listener.local_addr().expect("bound");
    (listener, addr)
}

impl Server {
    /// Runs `serve` with a listener.
    pub(super) async fn start<F>(serve: impl FnOnce(TcpListener) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (listener, addr) = listen().await;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener));
        Self { addr, _tasks: tasks }
    }

    /// Gives every connection the same answers to any requests.
    pub(super) async fn answering(answers: impl Into<Vec<Answer>>) -> Self {
        let answers = answers.into();
        Self::each_connection(move |stream| answer(stream, answers.clone())).await
    }

    /// Runs `serve` on every connection.
    pub(super) async fn each_connection<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start(async move |listener: TcpListener| {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
            }
        })
        .await
    }
}

async fn answer(mut stream: TcpStream, answers: Vec<Answer>) {
    for (text, then) in answers {
        if !read_head(&mut stream).await || stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
        match then {
            Then::Keep => (),
            Then::Close => return,
            Then::Reset => {
                reset(&stream).await;
                return;
            }
        }
    }
    // No answer is left. The connection stays open until the client closes it.
    while let Ok(1..) = stream.read(&mut [0; 1024]).await {}
}

/// Reads to the end of a head. False if the client has closed the connection.
pub(super) async fn read_head(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    true
}

/// Turns the drop of a socket into a reset, after the written bytes have arrived.
pub(super) async fn reset(stream: &TcpStream) {
    // On Linux the peer can still read what came before a reset. Elsewhere it cannot, and the
    // server does not learn when the peer has read it.
    #[cfg(not(target_os = "linux"))]
    tokio::time::sleep(Duration::from_millis(20)).await;
    SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("an option of every socket");
}
