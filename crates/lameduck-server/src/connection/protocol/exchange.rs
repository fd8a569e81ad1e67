//! What the last request of an HTTP/1 connection lets one expect, as hyper has parsed it.

use super::is_switch;

/// The last exchange. A number, so that it fits an atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exchange {
    /// No request came yet, or one without a body.
    Plain,
    /// The client may still be sending the body. hyper does not say when that was read to its end.
    Body,
    /// The client asked for a tunnel.
    Connect,
    /// What comes now is not HTTP.
    Switched,
}

impl Exchange {
    /// A request came.
    pub(crate) const fn of_request(has_body: bool, is_connect: bool) -> Self {
        match (is_connect, has_body) {
            (true, _) => Self::Connect,
            (false, true) => Self::Body,
            (false, false) => Self::Plain,
        }
    }

    /// Whether an answer with this status switches protocols.
    pub(crate) const fn is_switched_by(self, status: u16) -> bool {
        is_switch(matches!(self, Self::Connect), status)
    }

    pub(crate) const fn from_u8(number: u8) -> Self {
        match number {
            1 => Self::Body,
            2 => Self::Connect,
            3 => Self::Switched,
            _ => Self::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_back_as_what_it_was() {
        for exchange in [Exchange::Plain, Exchange::Body, Exchange::Connect, Exchange::Switched] {
            assert_eq!(Exchange::from_u8(exchange as u8), exchange);
        }
    }

    #[test]
    fn only_a_tunnel_is_opened_by_success() {
        for (has_body, is_connect) in [(false, false), (true, false), (false, true), (true, true)] {
            let exchange = Exchange::of_request(has_body, is_connect);
            assert_eq!(exchange.is_switched_by(200), is_connect);
            assert_eq!(exchange.is_switched_by(204), is_connect);
            assert!(exchange.is_switched_by(101));
            assert!(!exchange.is_switched_by(503));
        }
    }
}
