//! The owner of real loopback sockets, and of those that only look like root's.

use std::io::Write;

use super::*;

const BOTH: [SocketTable; 2] = [SocketTable::SockDiag, SocketTable::ProcNet];

struct Pair {
    accepted: TcpStream,
    client: Option<std::net::TcpStream>,
}

async fn pair(listen: &str, connect_host: &str) -> Pair {
    let listener = tokio::net::TcpListener::bind(listen).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = format!("{connect_host}:{port}");
    let client = tokio::task::spawn_blocking(move || std::net::TcpStream::connect(target).unwrap());
    let (accepted, _) = listener.accept().await.unwrap();
    Pair {
        accepted,
        client: Some(client.await.unwrap()),
    }
}

fn own_uid() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap())
}

/// Waits until the accepted end has seen what the client did.
async fn until_closed(accepted: &TcpStream) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while state_of(accepted).unwrap() == TCP_ESTABLISHED {
        assert!(
            std::time::Instant::now() < deadline,
            "the close never arrived"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_held_socket_belongs_to_its_user() {
    for (listen, connect) in [
        ("127.0.0.1:0", "127.0.0.1"),
        ("127.0.0.1:0", "[::ffff:127.0.0.1]"),
        ("[::1]:0", "[::1]"),
    ] {
        let pair = pair(listen, connect).await;
        for table in BOTH {
            assert_eq!(
                table.owner_of(&pair.accepted).unwrap(),
                own_uid(),
                "{table:?} {connect}"
            );
        }
    }
}

#[tokio::test]
async fn a_dual_stack_listener_sees_its_v4_client() {
    let pair = pair("[::]:0", "127.0.0.1").await;
    for table in BOTH {
        assert_eq!(
            table.owner_of(&pair.accepted).unwrap(),
            own_uid(),
            "{table:?}"
        );
    }
}

#[tokio::test]
async fn a_socket_that_its_process_closed_belongs_to_nobody() {
    let mut pair = pair("127.0.0.1:0", "127.0.0.1").await;
    let mut client = pair.client.take().unwrap();
    client.write_all(b"POST /start HTTP/1.0\r\n\r\n").unwrap();
    drop(client);
    until_closed(&pair.accepted).await;
    for table in BOTH {
        let found = table.owner_of(&pair.accepted);
        assert!(
            matches!(
                found,
                Err(OwnerUnknown::Orphan { .. }
                    | OwnerUnknown::NotConnected { .. }
                    | OwnerUnknown::NoSocket { .. })
            ),
            "{table:?}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_half_closed_socket_still_belongs_to_its_user() {
    let pair = pair("127.0.0.1:0", "127.0.0.1").await;
    pair.client
        .as_ref()
        .unwrap()
        .shutdown(std::net::Shutdown::Write)
        .unwrap();
    until_closed(&pair.accepted).await;
    for table in BOTH {
        assert_eq!(
            table.owner_of(&pair.accepted).unwrap(),
            own_uid(),
            "{table:?}"
        );
    }
}

#[tokio::test]
async fn a_reset_connection_belongs_to_nobody() {
    let mut pair = pair("127.0.0.1:0", "127.0.0.1").await;
    let client = pair.client.take().unwrap();
    client.set_nonblocking(true).unwrap();
    let client = TcpStream::from_std(client).unwrap();
    client.writable().await.unwrap();
    client.try_write(b"POST /start HTTP/1.0\r\n\r\n").unwrap();
    client.set_zero_linger().unwrap();
    drop(client);
    until_closed(&pair.accepted).await;
    for table in BOTH {
        assert!(table.owner_of(&pair.accepted).is_err(), "{table:?}");
    }
}

fn ends() -> Ends {
    Ends {
        local: "127.0.0.1:4000".parse().unwrap(),
        remote: "127.0.0.1:8527".parse().unwrap(),
    }
}

#[test]
fn what_is_not_a_connected_held_socket_is_refused() {
    let good = Shown {
        ends: ends(),
        state: TCP_ESTABLISHED,
        uid: 7,
        inode: 99,
    };
    assert_eq!(judge(ends(), Some(good)).unwrap(), 7);
    assert!(matches!(
        judge(ends(), None),
        Err(OwnerUnknown::NoSocket { .. })
    ));
    let orphan = Shown {
        uid: 0,
        inode: 0,
        ..good
    };
    assert!(matches!(
        judge(ends(), Some(orphan)),
        Err(OwnerUnknown::Orphan { .. })
    ));
    // The kernel's look-up falls back to a listener on the port: SYN_SENT 2 .. CLOSING 11.
    for state in [0, 2, 3, 6, 7, 9, 10, 11, 12] {
        let other = Shown { state, ..good };
        let found = judge(ends(), Some(other));
        assert!(
            matches!(found, Err(OwnerUnknown::NotConnected { .. })),
            "state {state}"
        );
    }
    let swapped = Ends {
        local: ends().remote,
        remote: ends().local,
    };
    let other = Shown {
        ends: swapped,
        ..good
    };
    assert!(matches!(
        judge(ends(), Some(other)),
        Err(OwnerUnknown::NoSocket { .. })
    ));
}
