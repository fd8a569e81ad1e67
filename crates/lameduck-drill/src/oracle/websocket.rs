//! The client that speaks WebSocket: an echo of each message, and a close frame at the end.

use std::{net::SocketAddr, pin::pin, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

use super::{Kind, LossReason, Outcome, clients::Shared, http1::Conn, random::Random};

/// Any 16 bytes in base64. It guards against caches that do not know the protocol, not more.
const KEY: &str = "bGFtZWR1Y2sgb3JhY2xlIQ==";

/// How long the server may take to end the connection after both close frames.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a read of a WebSocket gives.
type Came = Option<Result<Message, tungstenite::Error>>;

/// An open WebSocket.
#[derive(Debug)]
pub(super) struct Session {
    socket: WebSocketStream<TcpStream>,
    /// The client has sent its close frame.
    is_closing: bool,
}

/// One session: connects, has some messages echoed, closes.
pub(super) async fn session(shared: &Shared, random: &mut Random) -> Outcome {
    let messages = random.of(5..=40);
    let ticket = shared.ledger.begin(Kind::WebSocket);
    let deadline = Instant::now() + shared.limit;
    let outcome = match Session::open(shared.addr, deadline).await {
        Err(outcome) => outcome,
        Ok(mut session) => {
            let whole = async {
                for number in 0..messages {
                    session.echo(&format!("message {number}")).await?;
                    if !session.quiet(shared, random.pause(2 * shared.think)).await? {
                        break;
                    }
                }
                session.close().await
            };
            match timeout_at(deadline, whole).await {
                Ok(Ok(()) | Err(Outcome::Answered)) => Outcome::Answered,
                Ok(Err(outcome)) => outcome,
                Err(_) => Outcome::Lost(LossReason::TimedOut),
            }
        }
    };
    ticket.end(outcome);
    outcome
}

/// Every step gives either what the next one needs, or how the session ended. A close frame with
/// the right code is an end too: [`Outcome::Answered`].
impl Session {
    pub(super) async fn open(addr: SocketAddr, deadline: Instant) -> Result<Self, Outcome> {
        let mut conn = Conn::open(addr).await?;
        if !conn.begin() {
            return Err(Outcome::Refused);
        }
        let head = format!(
            "GET /ws HTTP/1.1\r\nhost: {addr}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
        );
        match timeout_at(deadline, shake_hands(&mut conn, &head)).await {
            Ok(Ok(())) => (),
            Ok(Err(outcome)) => return Err(outcome),
            Err(_) => return Err(conn.out_of_time()),
        }
        let (stream, rest) = conn.into_parts();
        let socket = WebSocketStream::from_partially_read(stream, rest, Role::Client, None).await;
        Ok(Self { socket, is_closing: false })
    }

    /// Sends a message and waits until it comes back.
    pub(super) async fn echo(&mut self, text: &str) -> Result<(), Outcome> {
        // When the write fails, a close frame may still stand before the reset.
        let _ = self.socket.send(Message::text(text)).await;
        match self.next_text().await? {
            back if back == text => Ok(()),
            _ => Err(Outcome::Lost(LossReason::WrongBody { offset: 0 })),
        }
    }

    /// Waits without a message under way. False if the clients are told to stop.
    async fn quiet(&mut self, shared: &Shared, pause: Duration) -> Result<bool, Outcome> {
        let pause = shared.pause(pause);
        let mut pause = pin!(pause);
        loop {
            // Only the read may be cancelled, not what is done with what was read.
            let came = tokio::select! {
                going_on = &mut pause => return Ok(going_on),
                came = self.socket.next() => came,
            };
            if self.text_of(came).await?.is_some() {
                return Err(Outcome::Lost(LossReason::Malformed("a message nobody asked for")));
            }
        }
    }

    /// Closes, and waits for the close frame that answers.
    pub(super) async fn close(&mut self) -> Result<(), Outcome> {
        self.is_closing = true;
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let _ = self.socket.close(Some(frame)).await;
        self.closed().await
    }

    /// Waits for the server's close frame.
    pub(super) async fn closed(&mut self) -> Result<(), Outcome> {
        loop {
            self.next_text().await?;
        }
    }

    /// The next text message. The end of the session is the error.
    async fn next_text(&mut self) -> Result<String, Outcome> {
        loop {
            let came = self.socket.next().await;
            if let Some(text) = self.text_of(came).await? {
                return Ok(text);
            }
        }
    }

    /// The text of what came, none if it is not text. The end of the session is the error.
    async fn text_of(&mut self, came: Came) -> Result<Option<String>, Outcome> {
        match came {
            Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
            Some(Ok(Message::Close(frame))) => {
                Err(self.farewell(frame.map(|frame| frame.code)).await)
            }
            // The socket answers pings itself.
            Some(Ok(_)) => Ok(None),
            Some(Err(_)) | None => Err(Outcome::Lost(LossReason::NoCloseFrame)),
        }
    }

    /// Confirms the server's close frame and lets it end the connection, as the protocol asks.
    async fn farewell(&mut self, code: Option<CloseCode>) -> Outcome {
        let ended = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = timeout(FAREWELL, ended).await;
        match code {
            Some(CloseCode::Normal | CloseCode::Away | CloseCode::Restart) => Outcome::Answered,
            Some(other) => Outcome::Lost(LossReason::WrongCloseCode(other.into())),
            // Who answers a close frame need not say why.
            None if self.is_closing => Outcome::Answered,
            None => Outcome::Lost(LossReason::NoCloseCode),
        }
    }
}

async fn shake_hands(conn: &mut Conn, request: &str) -> Result<(), Outcome> {
    if conn.write(request.as_bytes()).await.is_err() && conn.has_sent_nothing() {
        return Err(Outcome::Refused);
    }
    let head = conn.read_head().await.map_err(Outcome::Lost)?;
    if head.status != 101 {
        return Err(conn.rejection(&head).await.unwrap_or_else(Outcome::Lost));
    }
    if head.websocket_accept != Some(derive_accept_key(KEY.as_bytes())) {
        return Err(Outcome::Lost(LossReason::Malformed("another Sec-WebSocket-Accept")));
    }
    Ok(())
}
