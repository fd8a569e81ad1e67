//! The contract's requests as plans.

use std::time::Duration;

use bytes::Bytes;

use super::data::{CYCLE, PATTERN, checksum_on};
use crate::{Expect, Plan, PlanBody};

pub(super) fn index() -> Plan {
    Plan::get("/").expecting(Expect::Same)
}

pub(super) fn slow(ms: u64) -> Plan {
    Plan::get(&format!("/slow?ms={ms}")).expecting(Expect::Text(format!("slept {ms} ms")))
}

pub(super) fn download(bytes: u64) -> Plan {
    let pattern = Bytes::from_static(&PATTERN[..CYCLE]);
    Plan::get(&format!("/download?bytes={bytes}"))
        .expecting(Expect::Repeated { pattern, length: bytes })
}

pub(super) fn events(count: u64) -> Plan {
    Plan::get(&format!("/events?count={count}")).expecting(Expect::Events(count))
}

pub(super) fn web_socket() -> Plan {
    Plan::get("/ws")
}

/// An upload whose answer is the length and the checksum of its parts.
pub(super) fn upload(parts: Vec<Bytes>, pause: Duration, is_sized: bool) -> Plan {
    let sum = parts.iter().fold(0, |sum, part| checksum_on(sum, part));
    let length: usize = parts.iter().map(Bytes::len).sum();
    let mut body = PlanBody::new(parts);
    body.pause = pause;
    body.is_sized = is_sized;
    Plan::post("/upload", body).expecting(Expect::Text(format!("{length} {sum}")))
}
