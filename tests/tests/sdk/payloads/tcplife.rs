//! `tcplife`: connections with their services, and what was exchanged with whom.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Value, json};

use super::{EVENTS, begun, built, summary, text};

const INET: u32 = 2;
const INET6: u32 = 10;
const SYN_SENT: u32 = 2;
const LAST_ACK: u32 = 9;
/// Peers that are kept.
const PEERS_MAX: usize = 256;

/// A record of `bpf/tcplife/event.h`, between an address and port of this machine and the peer's.
fn connection(here: (&str, u16), peer: (&str, u16), closed_from: u32, bytes: u64) -> Vec<u8> {
    let octets = |address: &str| match address.parse().unwrap() {
        IpAddr::V4(four) => (INET, four.to_ipv6_mapped()),
        IpAddr::V6(six) => (INET6, six),
    };
    let ((family, here_address), (_, peer_address)) = (octets(here.0), octets(peer.0));
    let mut record = [10_000_000, bytes, 200].map(u64::to_le_bytes).concat();
    let rtt_us = if closed_from == SYN_SENT { 0 } else { 1500 };
    for number in [9, 1000, 1, rtt_us, family, closed_from] {
        record.extend(number.to_le_bytes());
    }
    record.extend([here.1, peer.1].map(u16::to_le_bytes).concat());
    for address in [here_address, peer_address] {
        record.extend(Ipv6Addr::octets(&address));
    }
    record.extend(text::<16>("curl"));
    record.extend([0; 4]);
    record
}

#[test]
fn tcplife_tells_addresses_service_and_direction() {
    let mut driven = begun(&built("tcplife"));
    driven.events(
        EVENTS,
        &[
            connection(("10.0.0.1", 40_000), ("192.0.2.7", 443), LAST_ACK, 100),
            connection(("::1", 22), ("2001:db8::5", 55_555), LAST_ACK, 0),
            connection(("10.0.0.1", 40_001), ("10.0.0.9", 5433), SYN_SENT, 0),
        ],
    );
    let told = driven.told();
    let expected = json!({
        "pid": 9, "uid": 1000, "comm": "curl", "family": "INET", "laddr": "10.0.0.1",
        "lport": 40_000, "raddr": "192.0.2.7", "rport": 443, "service": "https",
        "direction": "out", "bytes_sent": 100, "bytes_received": 200, "duration_ns": 10_000_000,
        "rtt_us": 1500, "retransmits": 1, "closed_from": "LAST_ACK",
    });
    assert_eq!(told.of("connection")[0], expected);
    let names = |event: &Value| {
        ["laddr", "raddr", "service", "direction"].map(|field| event[field].clone())
    };
    let second = json!(["::1", "2001:db8::5", "ssh", "in"]);
    assert_eq!(json!(names(&told.of("connection")[1])), second);
    let failed = json!(["10.0.0.1", "10.0.0.9", "user", "out"]);
    assert_eq!(json!(names(&told.of("failed")[0])), failed);
    assert_eq!(
        told.added("tcplife_connections_total", &["https", "out"]),
        1
    );
    assert_eq!(told.added("tcplife_connections_total", &["ssh", "in"]), 1);
    assert_eq!(told.added("tcplife_failed_total", &["user"]), 1);
    assert_eq!(told.added("tcplife_connections_total", &["user", "out"]), 0);
}

#[test]
fn tcplife_tells_the_peers_that_most_was_exchanged_with() {
    let built = built("tcplife");
    let mut driven = begun(&built);
    let here = ("10.0.0.1", 40_000);
    let mut records = vec![connection(here, ("10.0.0.2", 80), LAST_ACK, 1000); 3];
    records.push(connection(here, ("10.0.0.3", 80), LAST_ACK, 1 << 40));
    records.push(connection(here, ("10.0.0.3", 81), SYN_SENT, 0));
    driven.events(EVENTS, &records);
    let told = summary(&built, &mut driven);
    assert_eq!(
        (&told["connections"], &told["failed"]),
        (&json!(4), &json!(1))
    );
    let peers = told["peers"].as_array().unwrap();
    let names = |peer: &Value| {
        ["address", "service", "connections", "failed"].map(|field| peer[field].clone())
    };
    assert_eq!(json!(names(&peers[0])), json!(["10.0.0.3", "http", 1, 0]));
    assert_eq!(json!(names(&peers[1])), json!(["10.0.0.2", "http", 3, 0]));
    assert_eq!(json!(names(&peers[2])), json!(["10.0.0.3", "system", 0, 1]));
    assert_eq!(peers[1]["bytes_sent"], 3000);
    assert_eq!(
        (&peers[1]["rtt_p50_us"], &peers[1]["duration_p99_us"]),
        (&json!(2047), &json!(16_383))
    );
    assert_eq!(peers[1]["bytes"], json!([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]));
}

#[test]
fn tcplife_keeps_the_peers_of_late() {
    let built = built("tcplife").set(&[("tell_each", "false"), ("top", "64")]);
    let mut driven = begun(&built);
    let peers: Vec<String> = (0..2 * PEERS_MAX)
        .map(|number| format!("10.1.{}.{}", number / 256, number % 256))
        .collect();
    let here = ("10.0.0.1", 40_000);
    for chunk in peers.chunks(100) {
        let records = chunk
            .iter()
            .map(|peer| connection(here, (peer, 443), LAST_ACK, 5));
        driven.events(EVENTS, &records.collect::<Vec<_>>());
    }
    assert!(driven.told().outputs.is_empty());
    let told = summary(&built, &mut driven);
    let kept = told["peers"].as_array().unwrap();
    assert_eq!(kept.len(), 64);
    // All the same to the last byte: in the order of their use, the last first.
    assert_eq!(kept[0]["address"], *peers.last().unwrap());
    assert_eq!(told["connections"], 2 * PEERS_MAX);
}
