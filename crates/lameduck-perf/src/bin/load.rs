//! Loads servers in turns over keep-alive connections, and reads what processor time they took.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use std::{
    env, fs,
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use lameduck_perf::{now, pin_to_cpu};

const CONNECTIONS: usize = 32;
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: perf/1\r\n\
    Accept: */*\r\nAccept-Encoding: gzip\r\n\r\n";
const USAGE: &str = "load ROUNDS MILLISECONDS NAME=PID@ADDRESS...";

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let mut number = || args.next().and_then(|arg| arg.parse().ok()).ok_or(io::Error::other(USAGE));
    let (rounds, turn) = (number()?, Duration::from_millis(number()?));
    let mut servers = args.map(|arg| Server::connect(&arg)).collect::<io::Result<Vec<_>>>()?;
    // Not on the server's processor.
    pin_to_cpu(1);
    for server in &mut servers {
        server.load(turn)?;
    }
    for round in 0..rounds {
        for turn_of in 0..servers.len() as u64 {
            let at = (round + turn_of) as usize % servers.len();
            let server = &mut servers[at];
            let before = server.processor_time()?;
            let requests = server.load(turn)?;
            let spent = server.processor_time()? - before;
            let rate = requests as f64 / turn.as_secs_f64();
            println!("{round} {} {:.1} {rate:.0}", server.name, spent as f64 / requests as f64);
        }
    }
    Ok(())
}

struct Server {
    name: String,
    pid: u32,
    connections: Vec<Connection>,
}

/// One client, which has asked and waits for its answer, or is idle.
struct Connection {
    stream: TcpStream,
    /// Room for one answer. All are alike: the id and the date have a fixed length.
    answer: Vec<u8>,
    /// How much of it is here.
    read: usize,
}

impl Server {
    fn connect(arg: &str) -> io::Result<Self> {
        let usage = || io::Error::other(USAGE);
        let (name, rest) = arg.split_once('=').ok_or_else(usage)?;
        let (pid, address) = rest.split_once('@').ok_or_else(usage)?;
        let pid = pid.parse().map_err(io::Error::other)?;
        let connect = |_| Connection::connect(address);
        let connections = (0..CONNECTIONS).map(connect).collect::<io::Result<_>>()?;
        Ok(Self { name: name.to_owned(), pid, connections })
    }

    /// Asks on every connection, and again as soon as its answer is here, for `turn`.
    ///
    /// Never sleeps: a server that has to wake its client is charged for it by the kernel, the more
    /// often the slower it is.
    fn load(&mut self, turn: Duration) -> io::Result<u64> {
        let (start, mut requests) = (now(), 0);
        for connection in &mut self.connections {
            connection.ask()?;
        }
        while start.elapsed() < turn {
            for connection in &mut self.connections {
                if connection.is_answered()? {
                    requests += 1;
                    connection.ask()?;
                }
            }
        }
        // Idle again, while others have their turn.
        let end = now();
        for connection in &mut self.connections {
            while !connection.is_answered()? {
                if end.elapsed() > ANSWER_TIMEOUT {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            requests += 1;
        }
        Ok(requests)
    }

    /// Nanoseconds that all threads of the server were on a processor.
    fn processor_time(&self) -> io::Result<u64> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let spent = text.split(' ').next().and_then(|spent| spent.parse::<u64>().ok());
            sum += spent.ok_or(io::Error::other("no time in schedstat"))?;
        }
        Ok(sum)
    }
}

impl Connection {
    /// Connects, and asks once to learn how long an answer is: its head and what that announces.
    fn connect(address: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let answer = first_answer(&mut stream)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, answer: vec![0; answer], read: 0 })
    }

    fn ask(&mut self) -> io::Result<()> {
        self.read = 0;
        // Small enough to be taken whole by a connection with nothing else on it.
        self.stream.write_all(REQUEST)
    }

    fn is_answered(&mut self) -> io::Result<bool> {
        match self.stream.read(&mut self.answer[self.read..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => self.read += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        if self.read < self.answer.len() {
            return Ok(false);
        }
        check(&self.answer).map(|()| true)
    }
}

fn first_answer(stream: &mut TcpStream) -> io::Result<usize> {
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length
            .and_then(|length| length.parse().ok())
            .ok_or(io::Error::other("an answer without content-length"))?;
        if body.len() >= length {
            check(&answer)?;
            return Ok(answer.len());
        }
    }
}

/// An answer that has another length than the first one makes the next one begin wrongly.
fn check(answer: &[u8]) -> io::Result<()> {
    if answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(b"hello") {
        return Ok(());
    }
    Err(io::Error::other(format!("no answer to the request: {}", answer.escape_ascii())))
}
