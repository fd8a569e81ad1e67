//! The client that speaks WebSocket: each message is echoed, and a close frame ends the session.

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

use super::{
    LossReason, Outcome,
    http1::Conn,
    random::Random,
    shared::{Script, Shared, Target},
};

/// Any 16 bytes in base64. They only guard against caches that do not know the protocol.
const KEY: &str = "bGFtZWR1Y2sgb3JhY2xlIQ==";

/// How long the server may take to close the connection after both close frames.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The result of one read of a WebSocket.
type Received = Option<Result<Message, tungstenite::Error>>;

/// An open WebSocket.
#[derive(Debug)]
pub(super) struct Session {
    socket: WebSocketStream<TcpStream>,
    /// The client has sent its close frame.
    is_closing: bool,
}

/// One session: connects, has some messages echoed, closes. None if there is no plan.
pub(super) async fn session(
    shared: &Shared,
    script: &Script,
    messages: u64,
    random: &mut Random,
) -> Option<Outcome> {
    let target = script.choose(random)?;
    let ticket = shared.ledger.begin(script.row);
    let deadline = Instant::now() + shared.time_limit;
    let think_time = 2 * script.scenario.think_time;
    let outcome = match Session::open(shared.addr, target, deadline).await {
        Err(outcome) => outcome,
        Ok(mut session) => {
            let whole = async {
                for number in 0..messages {
                    session.echo(&format!("message {number}")).await?;
                    if !session.idle(shared, random.pause(think_time)).await? {
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
    Some(outcome)
}

/// Each step returns either what the next one needs, or how the session ended. A close frame with a
/// right code is such an end: [`Outcome::Answered`].
impl Session {
    pub(super) async fn open(
        addr: SocketAddr,
        target: &Target,
        deadline: Instant,
    ) -> Result<Self, Outcome> {
        let mut conn = Conn::open(addr).await?;
        if !conn.begin() {
            return Err(Outcome::Refused);
        }
        let plain = target.head(addr);
        let head = format!(
            "{}connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: {KEY}\r\n\r\n",
            // The empty line moves behind the headers of the upgrade.
            plain.trim_end_matches("\r\n").to_owned() + "\r\n",
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

    /// Sends a message and waits for its echo.
    pub(super) async fn echo(&mut self, text: &str) -> Result<(), Outcome> {
        // When the write fails, there may still be a close frame to read before the reset.
        let _ = self.socket.send(Message::text(text)).await;
        match self.next_text().await? {
            back if back == text => Ok(()),
            _ => Err(Outcome::Lost(LossReason::WrongBody { offset: 0 })),
        }
    }

    /// Pauses without an open message. False if the load has ended.
    async fn idle(&mut self, shared: &Shared, pause: Duration) -> Result<bool, Outcome> {
        let pause = shared.pause(pause);
        let mut pause = pin!(pause);
        loop {
            // Only the read is cancelled by the pause, not the handling of what was read.
            let received = tokio::select! {
                goes_on = &mut pause => return Ok(goes_on),
                received = self.socket.next() => received,
            };
            if self.text_of(received).await?.is_some() {
                return Err(Outcome::Lost(LossReason::Malformed(
                    "a message that was not asked for",
                )));
            }
        }
    }

    /// Sends a close frame, and waits for the server's.
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

    /// The next text message. The error is how the session ended.
    async fn next_text(&mut self) -> Result<String, Outcome> {
        loop {
            let received = self.socket.next().await;
            if let Some(text) = self.text_of(received).await? {
                return Ok(text);
            }
        }
    }

    /// The text of a message, none if it is not a text. The error is how the session ended.
    async fn text_of(&mut self, received: Received) -> Result<Option<String>, Outcome> {
        match received {
            Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
            Some(Ok(Message::Close(frame))) => {
                Err(self.confirm(frame.map(|frame| frame.code)).await)
            }
            // The socket itself answers pings.
            Some(Ok(_)) => Ok(None),
            Some(Err(_)) | None => Err(Outcome::Lost(LossReason::NoCloseFrame)),
        }
    }

    /// Confirms the server's close frame and lets it close the connection, as the protocol asks.
    async fn confirm(&mut self, code: Option<CloseCode>) -> Outcome {
        let ended = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = timeout(CLOSE_TIMEOUT, ended).await;
        match code {
            Some(CloseCode::Normal | CloseCode::Away | CloseCode::Restart) => Outcome::Answered,
            Some(other) => Outcome::Lost(LossReason::WrongCloseCode(other.into())),
            // An answer to the client's close frame needs no code.
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
