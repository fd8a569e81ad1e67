//! Asks the Linux kernel whether a TCP handshake to a port is under way.
//!
//! Such a handshake is a socket in `SYN_RECV`, which only a `sock_diag` dump shows: `tcp_info` of
//! the listener counts the accept queue alone. The dump needs no privilege.

use std::{
    io::{self, Read as _},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};

const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
/// The whole table: `NLM_F_ROOT | NLM_F_MATCH`.
const NLM_F_DUMP: u16 = 0x300;
const TCP_SYN_RECV: u32 = 3;

const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;

/// The kernel answers a dump at once. A sandbox that drops the question must not hold a stop.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(20);

/// Whether a handshake to `port` is under way, on any address of the family.
///
/// # Errors
///
/// If the question is not permitted, for example in a unit that restricts address families.
pub(crate) fn under_way(family: Domain, port: u16) -> io::Result<bool> {
    let domain = Domain::from(libc::AF_NETLINK);
    let mut socket = Socket::new(domain, Type::RAW, Some(Protocol::from(NETLINK_SOCK_DIAG)))?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    socket.send(&question(family, port))?;
    let mut buf = vec![0; 32 * 1024];
    loop {
        let len = socket.read(&mut buf)?;
        match scan(buf.get(..len).unwrap_or_default(), port)? {
            Answer::UnderWay => return Ok(true),
            Answer::Done => return Ok(false),
            Answer::More => {}
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    UnderWay,
    Done,
    More,
}

/// `nlmsghdr` and `inet_diag_req_v2`, in the machine's own byte order.
fn question(family: Domain, port: u16) -> [u8; REQUEST] {
    let mut out = [0; REQUEST];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &(REQUEST as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    put(HEADER, &[i32::from(family) as u8, libc::IPPROTO_TCP as u8]);
    put(HEADER + 4, &(1_u32 << TCP_SYN_RECV).to_ne_bytes());
    // A dump reads only the local port of this identity; the cookie asks for any socket.
    put(HEADER + 8, &port.to_be_bytes());
    put(REQUEST - 8, &[0xff; 8]);
    out
}

/// Reads one datagram of answers: `nlmsghdr`, then `inet_diag_msg` with the port at byte 4.
fn scan(mut bytes: &[u8], port: u16) -> io::Result<Answer> {
    while let Some((header, _)) = bytes.split_at_checked(HEADER) {
        let len = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        let Some(body) = bytes.get(HEADER..len) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a netlink message is cut"));
        };
        match kind {
            NLMSG_DONE => return Ok(Answer::Done),
            NLMSG_ERROR => {
                let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                return Err(io::Error::from_raw_os_error(-code));
            }
            SOCK_DIAG_BY_FAMILY if body.get(4..6) == Some(&port.to_be_bytes()) => {
                return Ok(Answer::UnderWay);
            }
            _ => {}
        }
        // Messages begin at multiples of four.
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(Answer::More)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        net::{Ipv4Addr, SocketAddr},
        os::fd::AsFd as _,
    };

    use super::*;
    use crate::socket::sys::set_option;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut out = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        out.extend(kind.to_ne_bytes());
        out.extend([0; 10]);
        out.extend(body);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn peer(port: u16) -> Vec<u8> {
        let mut body = vec![2, 3, 0, 0];
        body.extend(port.to_be_bytes());
        body.extend([0; 66]);
        message(SOCK_DIAG_BY_FAMILY, &body)
    }

    #[test]
    fn a_handshake_to_another_port_is_not_ours() {
        let mut dump = peer(81);
        assert_eq!(scan(&dump, 80).ok(), Some(Answer::More));
        dump.extend(message(NLMSG_DONE, &[0; 4]));
        assert_eq!(scan(&dump, 80).ok(), Some(Answer::Done));
        assert_eq!(scan(&dump, 81).ok(), Some(Answer::UnderWay));
    }

    #[test]
    fn an_answer_that_is_cut_or_refused_is_an_error_and_not_a_no() {
        let whole = peer(81);
        assert!(scan(&whole[..whole.len() - 8], 80).is_err());
        let refused = scan(&message(NLMSG_ERROR, &(-1_i32).to_ne_bytes()), 80);
        assert_eq!(refused.err().and_then(|e| e.raw_os_error()), Some(1));
    }

    #[test]
    fn a_handshake_is_under_way_until_it_is_whole() {
        let server = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // The kernel keeps the handshake open until the client's first byte.
        set_option(server.as_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 30).unwrap();
        server.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        server.listen(8).unwrap();
        let addr = server.local_addr().unwrap().as_socket().unwrap();
        assert!(!under_way(Domain::IPV4, addr.port()).unwrap());

        let mut client = std::net::TcpStream::connect(addr).unwrap();
        assert!(under_way(Domain::IPV4, addr.port()).unwrap());

        client.write_all(b"x").unwrap();
        server.accept().unwrap();
        assert!(!under_way(Domain::IPV4, addr.port()).unwrap());
    }
}
