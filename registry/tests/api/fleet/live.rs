//! Pages that are kept live: told of changes, as long as their log-in and its token are in force,
//! and so many of one token.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::harness::Registry;
use super::pages::{cookie, log_in};
use crate::client;

/// A page that is kept live, and what it was told.
struct Live {
    stream: TcpStream,
    told: String,
}

impl Live {
    fn open(registry: &Registry, cookie: &str) -> Self {
        let mut stream = client::connect(registry.stage.address).unwrap();
        let head = format!("GET /live HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let told = String::new();
        let mut live = Self { stream, told };
        live.until("\r\n\r\n");
        live
    }

    fn until(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut bytes = [0; 1024];
        while !self.told.contains(text) {
            assert!(Instant::now() < deadline, "not in 30 s: {}", self.told);
            let count = self.stream.read(&mut bytes).expect("told in time");
            assert!(count > 0, "it ended: {}", self.told);
            self.told
                .push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}

#[tokio::test]
async fn an_open_page_is_told_of_changes() {
    let registry = Registry::start();
    let cookie = cookie(&log_in(&registry, &registry.stage.admin));
    let mut live = Live::open(&registry, &cookie);
    assert!(live.told.contains("text/event-stream"), "{}", live.told);
    registry.node("a", &[]).await;
    live.until("event: changed");
}

#[tokio::test]
async fn an_open_page_ends_with_its_token_and_is_told_of_nothing_more() {
    let registry = Registry::start();
    let token = registry.token("viewer", &["read"]).await;
    let mut live = Live::open(&registry, &cookie(&log_in(&registry, &token)));
    registry.admin().revoke_token("viewer").await.unwrap();
    // The last chunk.
    live.until("\r\n0\r\n\r\n");
    let changes = live.told.matches("event: changed").count();
    assert!(changes <= 1, "one may be of the log-in: {}", live.told);
}

#[tokio::test]
async fn one_token_does_not_hold_every_place_of_live_pages() {
    let registry = Registry::start();
    let token = registry.token("viewer", &["read"]).await;
    let viewer = cookie(&log_in(&registry, &token));
    let open: Vec<_> = (0..32).map(|_| Live::open(&registry, &viewer)).collect();
    let refused = Live::open(&registry, &viewer);
    assert!(refused.told.contains(" 503 "), "{}", refused.told);
    let other = cookie(&log_in(&registry, &registry.stage.admin));
    let other = Live::open(&registry, &other);
    assert!(other.told.contains(" 200 "), "{}", other.told);
    drop(open);
}
