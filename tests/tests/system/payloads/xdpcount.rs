//! `xdpcount`: frames over a cable that the test lays, counted by source; what is blocked or too fast
//! does not arrive.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::packets::Frames;

use super::super::node::Node;
use super::super::waiting::{is_root, until};
use super::{entries, number, put};

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const VLAN: [u8; 4] = [0x81, 0x00, 0x00, 0x05];
const PROVIDER_VLAN: [u8; 4] = [0x88, 0xa8, 0x00, 0x06];
/// A protocol for experiments (IEEE 802): no source address, so it always passes.
const MARK: [u8; 2] = [0x88, 0xb5];
/// Bytes of every frame behind its type.
const CONTENT_BYTES: usize = 100;
/// What one source may send in a second.
const RATE: u64 = 5;

/// Two ends of a cable, gone with the test.
struct Cable {
    near: String,
    far: String,
}

impl Cable {
    fn lay() -> Self {
        let id = std::process::id();
        let cable = Self {
            near: format!("mwn{id}"),
            far: format!("mwf{id}"),
        };
        let (near, far) = (&cable.near, &cable.far);
        ip(&["link", "add", near, "type", "veth", "peer", "name", far]);
        for end in [near, far] {
            ip(&["link", "set", end, "up"]);
        }
        cable
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        ip(&["link", "delete", &self.near]);
    }
}

fn ip(words: &[&str]) {
    tests::ip::ip(words).unwrap();
}

#[test]
fn xdpcount_counts_by_source_and_drops_what_is_blocked_or_too_fast() {
    if !is_root("xdpcount") {
        return;
    }
    let cable = Cable::lay();
    let (near, far) = (
        Frames::on(&cable.near).unwrap(),
        Frames::on(&cable.far).unwrap(),
    );
    let node = Node::start();
    let query = format!("?target=xdpcount={}", cable.near);
    put(&node, "xdpcount", "1.0.0", &query);

    let (first, second) = ([10, 77, 0, 1], [10, 78, 0, 1]);
    let third = "fd77::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let tags = [PROVIDER_VLAN, VLAN].concat();
    for _ in 0..3 {
        far.send(&ipv4(&[], first)).unwrap();
        far.send(&ipv4(&VLAN, first)).unwrap();
        far.send(&ipv4(&tags, second)).unwrap();
        far.send(&ipv6(third)).unwrap();
    }
    // Cut off within the header: passes, and counts for nobody.
    far.send(&ipv4(&[], second)[..30]).unwrap();
    assert_eq!(arrived(&near, &far), 13);
    assert_eq!(
        counts(&node, "::ffff:10.77.0.1"),
        [6, 3 * 114 + 3 * 118, 0, 0]
    );
    assert_eq!(counts(&node, "::ffff:10.78.0.1"), [3, 3 * 122, 0, 0]);
    assert_eq!(counts(&node, "fd77::1"), [3, 3 * 114, 0, 0]);

    // A block list goes on with the next version.
    block(&node, 96 + 16, [10, 77, 0, 0]);
    let limited = format!("{query}&set=packets_per_second_max={RATE}");
    put(&node, "xdpcount", "1.0.1", &limited);
    far.send(&ipv4(&[], first)).unwrap();
    far.send(&ipv4(&[], second)).unwrap();
    assert_eq!(arrived(&near, &far), 1);
    assert_eq!(
        counts(&node, "::ffff:10.77.0.1"),
        [7, 4 * 114 + 3 * 118, 1, 114]
    );
    let blocked = entries(&node, "xdpcount", "blocked");
    assert_eq!(blocked.len(), 1);
    assert_eq!(blocked[0].1, 1, "{blocked:?}");
    let mut source = 0;
    let sent = 2 * RATE;
    until("a machine that sends some frames within a second", || {
        source += 1;
        let began = Instant::now();
        for _ in 0..sent {
            far.send(&ipv4(&[], [10, 79, 0, source])).unwrap();
        }
        let arrived = arrived(&near, &far);
        let is_fast = began.elapsed() < Duration::from_secs(1);
        is_fast.then(|| assert_eq!(arrived, RATE))
    });
    let shown = counts(&node, &format!("::ffff:10.79.0.{source}"));
    assert_eq!(shown, [sent, sent * 114, sent - RATE, (sent - RATE) * 114]);
}

fn frame(tags: &[u8], kind: [u8; 2], content: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend_from_slice(tags);
    frame.extend_from_slice(&kind);
    frame.extend_from_slice(content);
    frame.resize(12 + tags.len() + 2 + CONTENT_BYTES, 0);
    frame
}

/// A frame of which every protocol but the program's thinks nothing: its header is otherwise empty.
fn ipv4(tags: &[u8], source: [u8; 4]) -> Vec<u8> {
    let mut header = [0; 20];
    header[12..16].copy_from_slice(&source);
    frame(tags, IPV4, &header)
}

fn ipv6(source: [u8; 16]) -> Vec<u8> {
    let mut header = [0; 40];
    header[8..24].copy_from_slice(&source);
    frame(&[], IPV6, &header)
}

/// How many frames of the test got to the near end since it was asked last: those before a mark.
fn arrived(near: &Frames, far: &Frames) -> u64 {
    far.send(&frame(&[], MARK, &[])).unwrap();
    let mut count = 0;
    loop {
        let frame = near.receive().unwrap();
        // The kernel sends its own frames over every interface; ours come from an address of twos.
        if frame[..12] != [2; 12] {
            continue;
        }
        if frame[12..14] == MARK {
            return count;
        }
        count += 1;
    }
}

/// Packets and bytes of a source, and of those the dropped ones.
fn counts(node: &Node, source: &str) -> [u64; 4] {
    let sources = entries(node, "xdpcount", "sources");
    let found = sources.iter().find(|(key, _)| key["saddr"] == source);
    let (_, value) = found.unwrap_or_else(|| panic!("{source} is not in {sources:?}"));
    ["packets", "bytes", "dropped_packets", "dropped_bytes"].map(|field| number(value, field))
}

/// Puts an IPv4 network into the block list, as an operator does.
fn block(node: &Node, bits: u8, network: [u8; 4]) {
    let shown = node.cli(&["--json", "maps", "xdpcount", "blocked"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let id = number(&shown["map"], "id").to_string();
    let mut key = vec![bits, 0, 0, 0];
    key.extend_from_slice(&std::net::Ipv4Addr::from(network).to_ipv6_mapped().octets());
    let bytes = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>();
    let done = Command::new("bpftool")
        .args(["map", "update", "id", &id, "key"])
        .args(bytes(&key))
        .arg("value")
        .args(bytes(&[0; 8]))
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}
