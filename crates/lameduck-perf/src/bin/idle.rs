//! The memory of idle connections: each server gets as many, and it is looked at what it holds.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";
const USAGE: &str = "idle CONNECTIONS MODE...";

/// What is connected before anything is counted: what a server needs once.
const BEFORE: usize = 100;

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let count = args.next().and_then(|arg| arg.parse().ok()).ok_or(io::Error::other(USAGE))?;
    raise_limit();
    // One after the other: each takes as many files as this process may have.
    for mode in args {
        let mut server = Server::start(&mode)?;
        server.connect(BEFORE)?;
        let before = server.resident()?;
        server.connect(count)?;
        let bytes = server.resident()?.saturating_sub(before) as f64;
        println!("{} {:.0}", server.mode, bytes / count as f64);
    }
    Ok(())
}

struct Server {
    mode: String,
    child: Child,
    address: String,
    connections: Vec<TcpStream>,
}

impl Server {
    fn start(mode: &str) -> io::Result<Self> {
        let program = env::current_exe()?.with_file_name("server");
        let mut child = Command::new(program).arg(mode).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut address)?;
        }
        let address = address.trim().to_owned();
        Ok(Self { mode: mode.to_owned(), child, address, connections: Vec::new() })
    }

    /// Opens so many connections more. Each has had an answer, and is kept.
    fn connect(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            let mut connection = TcpStream::connect(&self.address)?;
            connection.write_all(REQUEST)?;
            let mut answer = Vec::new();
            let mut buffer = [0; 512];
            while !answer.ends_with(b"hello") {
                let read = connection.read(&mut buffer)?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                answer.extend_from_slice(&buffer[..read]);
            }
            self.connections.push(connection);
        }
        Ok(())
    }

    /// Bytes that the server has in memory. What the kernel keeps for a socket is not among them.
    fn resident(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kib.map(|kib| kib * 1024).ok_or(io::Error::other("no VmRSS in /proc"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killed: it has no clients to close.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As many files as this process may have. The servers inherit it.
#[cfg(target_os = "linux")]
fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A refusal is seen when the files are too few.
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(target_os = "linux"))]
const fn raise_limit() {}
