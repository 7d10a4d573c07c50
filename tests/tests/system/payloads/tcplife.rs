//! `tcplife`: two events a connection, one an end, with its bytes to the last one.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use serde_json::Value;

use super::super::waiting::is_root;
use super::{Keeping, number, put, told};

/// Segments of one short connection to this machine itself that are ever sent once more.
const RETRANSMITS_MAX: u64 = 3;

/// Connections an address family.
const CONNECTIONS: usize = 20;

#[test]
fn tcplife_tells_both_ends_of_each_connection_once_with_exact_bytes() {
    if !is_root("tcplife") {
        return;
    }
    let node = Keeping::start();
    put(&node, "tcplife", "1.0.0", "");
    for (address, family) in [("127.0.0.1:0", "INET"), ("[::1]:0", "INET6")] {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        for number in 0..CONNECTIONS {
            // Whichever end closes first must not matter.
            exchange(&listener, bytes(number), number.is_multiple_of(2));
        }
        let events = told(&node, 2 * CONNECTIONS, |event| is_with(event, address));
        assert_eq!(events.len(), 2 * CONNECTIONS, "{events:?}");
        assert!(events.iter().all(|event| event["family"] == family));
        for number in 0..CONNECTIONS {
            check(&events, number, address);
        }
    }
    let refused = refused();
    let events = told(&node, 1, |event| is_with(event, refused));
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["closed_from"], "SYN_SENT");
    assert_eq!(number(&events[0], "bytes_sent"), 0);
}

#[test]
fn a_connection_that_an_update_finds_open_is_told_with_its_whole_life() {
    if !is_root("tcplife over an update") {
        return;
    }
    let node = Keeping::start();
    put(&node, "tcplife", "1.0.0", "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"before").unwrap();
    let proof = put(&node, "tcplife", "1.0.1", "");
    client.write_all(b" and after").unwrap();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
    drop(server);

    let steps = proof["steps"].as_object().unwrap();
    let update_us: u64 = ["arm_us", "grace_us"]
        .iter()
        .map(|step| steps[*step].as_u64().unwrap())
        .sum();
    let events = told(&node, 2, |event| is_with(event, address));
    assert_eq!(events.len(), 2, "{events:?}");
    let sent: Vec<u64> = events
        .iter()
        .map(|event| number(event, "bytes_sent"))
        .collect();
    assert_eq!(sent.iter().sum::<u64>(), 16, "{events:?}");
    for event in &events {
        assert!(number(event, "duration_ns") / 1000 > update_us, "{event}");
    }
}

#[test]
fn tcplife_tells_only_what_it_is_set_to() {
    if !is_root("tcplife with filters") {
        return;
    }
    let wanted = TcpListener::bind("[::1]:0").unwrap();
    let other = TcpListener::bind("[::1]:0").unwrap();
    let mapped = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = wanted.local_addr().unwrap().port();
    let node = Keeping::start();
    let query = format!("?set=only_family=INET6&set=only_local_port={port}");
    put(&node, "tcplife", "1.0.0", &query);
    for listener in [&mapped, &other, &wanted] {
        exchange(listener, bytes(1), true);
    }
    let events = told(&node, 1, |_| true);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["lport"], port);
}

/// Whether the event is of a connection that this process had with the address. A port alone may be
/// another test's too, in the other family.
fn is_with(event: &Value, address: SocketAddr) -> bool {
    let is = |ip: &str, port: &str| {
        event[ip] == address.ip().to_string().as_str() && event[port] == address.port()
    };
    event["pid"] == std::process::id() && (is("laddr", "lport") || is("raddr", "rport"))
}

/// What the client and the server of a connection send.
fn bytes(number: usize) -> (usize, usize) {
    (1000 + number, number * 5000)
}

/// A connection that carries so much each way, shut down first by the client or by the server.
fn exchange(listener: &TcpListener, (up, down): (usize, usize), client_first: bool) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut server, _) = listener.accept().unwrap();
            server.read_exact(&mut vec![0; up]).unwrap();
            server.write_all(&vec![2; down]).unwrap();
            end(server, !client_first);
        });
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(&vec![1; up]).unwrap();
        client.read_exact(&mut vec![0; down]).unwrap();
        end(client, client_first);
    });
}

/// Closes a connection, before the peer has or after it.
fn end(mut stream: TcpStream, first: bool) {
    if first {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// Asks for a connection where nobody listens, and says where that was.
fn refused() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    TcpStream::connect(address).unwrap_err();
    address
}

/// The two events of a connection: one mirrors the other.
fn check(events: &[Value], number_of: usize, listener: SocketAddr) {
    let (up, down) = bytes(number_of);
    let up = u64::try_from(up).unwrap();
    let down = u64::try_from(down).unwrap();
    let find = |sent, received, port: &str| {
        let found: Vec<&Value> = events
            .iter()
            .filter(|event| {
                number(event, "bytes_sent") == sent
                    && number(event, "bytes_received") == received
                    && event[port] == listener.port()
            })
            .collect();
        assert_eq!(found.len(), 1, "{sent} and {received} bytes: {events:?}");
        found[0]
    };
    let client = find(up, down, "rport");
    let server = find(down, up, "lport");
    assert_eq!(client["lport"], server["rport"]);
    assert_eq!(client["laddr"], server["raddr"]);
    let shown = listener.ip().to_string();
    let pid = u64::from(std::process::id());
    let client_first = number_of.is_multiple_of(2);
    for (event, first) in [(client, client_first), (server, !client_first)] {
        assert_eq!(event["raddr"], shown.as_str());
        assert_eq!(event["pid"], pid, "{event}");
        // On a busy machine an answer may be so late that a segment is sent once more.
        assert!(number(event, "retransmits") <= RETRANSMITS_MAX, "{event}");
        let from = if first { "FIN_WAIT2" } else { "LAST_ACK" };
        assert_eq!(event["closed_from"], from, "{event}");
    }
}
