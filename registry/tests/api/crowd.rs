//! More connections than there are places: what one address holds, others have not to wait for.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use tokio::net::TcpSocket;

use crate::client;
use crate::stage::{Registry, until};

/// A connection from another address of this machine.
async fn from_elsewhere(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    // Shorter than any of the deadlines by which the crowd would go by itself.
    let patience = Some(std::time::Duration::from_secs(8));
    stream.set_read_timeout(patience).unwrap();
    stream
}

fn connections(registry: &Registry) -> u64 {
    let metrics = registry.admin("GET", "/metrics", None).expect(200).text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("marrow_registry_connections "));
    line.unwrap().parse().unwrap()
}

#[test]
fn the_bound_on_open_files_is_raised_as_far_as_it_may_be() {
    let registry = Registry::start_behind("ulimit -Sn 72 && ulimit -Hn 512");
    let held: Vec<_> = (0..200)
        .map(|_| client::connect(registry.address).unwrap())
        .collect();
    until("all of them are served at a time", || {
        connections(&registry) > 200
    });
    drop(held);
}

#[tokio::test]
async fn one_address_that_reads_nothing_does_not_keep_others_out() {
    // 64 of these are for connections.
    let registry = Registry::start_behind("ulimit -n 128");
    let asked = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let held: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = client::connect(registry.address).unwrap();
            // One too many is told by its end.
            let _ = stream.write_all(&asked);
            stream
        })
        .collect();
    let mut other = from_elsewhere(registry.address).await;
    other
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let answer = client::read(&mut other).expect("an answer while the crowd is there");
    assert_eq!(answer.status, 200);
    drop(held);
    until("its places are free again", || {
        let answer = client::send(registry.address, "GET", "/healthz", &[], b"");
        answer.is_ok_and(|answer| answer.status == 200)
    });
}

#[test]
fn a_connection_that_asks_nothing_ends_soon() {
    let registry = Registry::start();
    let mut idle = client::connect(registry.address).unwrap();
    let mut half = client::connect(registry.address).unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nx: ").unwrap();
    // Within the deadline of the test's client, which is shorter than that of a later request.
    for stream in [&mut idle, &mut half] {
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    }
}
