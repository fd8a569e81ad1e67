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
    connections: Vec<TcpStream>,
    /// How long an answer is. All are alike: the id and the date have a fixed length.
    answer: usize,
}

impl Server {
    fn connect(arg: &str) -> io::Result<Self> {
        let usage = || io::Error::other(USAGE);
        let (name, rest) = arg.split_once('=').ok_or_else(usage)?;
        let (pid, address) = rest.split_once('@').ok_or_else(usage)?;
        let mut connections = (0..CONNECTIONS)
            .map(|_| {
                let connection = TcpStream::connect(address)?;
                connection.set_nodelay(true)?;
                connection.set_read_timeout(Some(Duration::from_secs(10)))?;
                Ok(connection)
            })
            .collect::<io::Result<Vec<_>>>()?;
        let answer = first_answer(&mut connections[0])?;
        let pid = pid.parse().map_err(io::Error::other)?;
        Ok(Self { name: name.to_owned(), pid, connections, answer })
    }

    /// Asks on every connection, then reads every answer, again and again for `turn`.
    fn load(&mut self, turn: Duration) -> io::Result<u64> {
        let mut buffer = vec![0; self.answer];
        let (start, mut requests) = (now(), 0);
        while start.elapsed() < turn {
            for connection in &mut self.connections {
                connection.write_all(REQUEST)?;
            }
            for connection in &mut self.connections {
                connection.read_exact(&mut buffer)?;
                check(&buffer)?;
                requests += 1;
            }
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

/// Asks once and returns how many bytes the answer has: its head and what that announces.
fn first_answer(connection: &mut TcpStream) -> io::Result<usize> {
    connection.write_all(REQUEST)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = connection.read(&mut buffer)?;
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
