//! A registry between the registry and the node that lies: flips, cuts, replays, serves other
//! releases. Nothing but what the publisher signed under its name ever loads, what runs goes on, and
//! the node says why it did not do as it was told.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::dice::Dice;

use super::home::{runs, version};
use super::node::Node;
use super::proxy::{self, Proxy};
use super::registry::{Follower, Publisher, Registry, publish, wait};
use super::waiting::{is_root, until};

const PAYLOAD: &str = "acme/live";
const INSTANCE: &str = "live";
const NODE: &str = "n1";
/// Answers of which one byte is flipped.
const FLIPPED: u64 = 1000;
/// How long a node may take to ask so often.
const FLIPPED_WITHIN: Duration = Duration::from_mins(2);

/// A registry, a lying proxy that does not lie yet, and a node that runs 1.0.0 through it.
fn running_behind_a_proxy() -> (Registry, Publisher, Proxy, Follower, Node) {
    let registry = Registry::start();
    let publisher = Publisher::new(&registry, 3);
    for (payload, version, object) in [
        (PAYLOAD, "1.0.0", "live_1"),
        (PAYLOAD, "1.1.0", "live_2"),
        ("acme/other", "1.1.0", "live_2"),
    ] {
        let signed = publisher.sign(payload, version, object);
        wait(publish(&registry.admin(), &signed)).unwrap();
    }
    wait(registry.admin().set_channel(PAYLOAD, "stable", "1.0.0")).unwrap();
    let proxy = Proxy::start(registry.url());
    // It asks again at once after a failure: the test has a thousand of them to get through.
    let quick = ["--back-off-min-ms", "1", "--back-off-max-ms", "5"];
    let follower = Follower::new(&registry, &proxy.url(), &publisher, NODE).with(&quick);
    let node = follower.start();
    registry.deploy("all", PAYLOAD, "stable", "*").unwrap();
    runs(&node, INSTANCE, "1.0.0");
    (registry, publisher, proxy, follower, node)
}

/// Every digest that runs, with the word for its trust.
fn digests(node: &Node) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let instances = node.instances();
    let digests = instances
        .iter()
        .map(|one| (text(&one["digest"]), text(&one["trust"])));
    digests.collect()
}

#[test]
fn one_flipped_byte_in_each_of_a_thousand_answers_changes_nothing() {
    if !is_root("flipped answers") {
        return;
    }
    let (registry, _publisher, proxy, _follower, node) = running_behind_a_proxy();
    let before = digests(&node);
    let flipped = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&flipped);
    let mut dice = Dice::of(1);
    proxy.alter(move |_path, mut answer| {
        if answer.is_empty() {
            return answer;
        }
        let at = dice.below(answer.len());
        answer[at] ^= u8::try_from(dice.below(255) + 1).unwrap();
        count.fetch_add(1, Ordering::Relaxed);
        answer
    });
    // Every answer that says so is flipped, the bytes of the release among them. Where the flipped
    // byte means nothing, such as one of a date, the release is the one that was signed.
    let new = wait(registry.admin().release(PAYLOAD, "1.1.0")).unwrap();
    let signed = [before, BTreeSet::from([(new.digest, "signed".to_owned())])];
    wait(registry.admin().set_channel(PAYLOAD, "stable", "1.1.0")).unwrap();
    let deadline = Instant::now() + FLIPPED_WITHIN;
    while flipped.load(Ordering::Relaxed) < FLIPPED {
        assert!(
            Instant::now() < deadline,
            "{flipped:?} of {FLIPPED} answers"
        );
        assert!(signed.contains(&digests(&node)), "{:?}", digests(&node));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(signed.contains(&digests(&node)), "{:?}", digests(&node));
    proxy.alter(|_path, answer| answer);
    runs(&node, INSTANCE, "1.1.0");
}

#[test]
fn bytes_that_are_flipped_cut_or_of_another_release_never_load() {
    if !is_root("altered blobs") {
        return;
    }
    let (registry, _publisher, proxy, _follower, node) = running_behind_a_proxy();
    let before = digests(&node);
    let other = wait(registry.admin().release("acme/other", "1.1.0")).unwrap();
    let other = registry.fetch(&other.digest, other.size_bytes);
    let tried = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&tried);
    proxy.alter(move |path, mut answer| {
        let Some(head_end) = proxy::head_end(&answer).filter(|_| path.contains("/blobs/")) else {
            return answer;
        };
        match count.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => answer[head_end + 100] ^= 1,
            1 => answer.truncate(head_end + 100),
            _ => {
                answer.truncate(head_end);
                let wanted = answer.len() + other.len();
                answer.extend_from_slice(&other);
                answer.truncate(wanted);
            }
        }
        answer
    });
    wait(registry.admin().set_channel(PAYLOAD, "stable", "1.1.0")).unwrap();
    until("the node has tried a dozen times", || {
        (tried.load(Ordering::Relaxed) >= 12).then_some(())
    });
    assert_eq!(digests(&node), before);
    until("the node says why", || {
        let detail = wait(registry.admin().node(NODE)).unwrap();
        let of_version = |outcome: &&api::registry::Outcome| {
            outcome.version.as_deref() == Some("1.1.0") && outcome.problem.is_some()
        };
        detail.outcomes.iter().find(of_version).map(|_| ())
    });
    proxy.alter(|_path, answer| answer);
    runs(&node, INSTANCE, "1.1.0");
}

#[test]
fn another_release_or_none_that_is_signed_under_this_name_is_refused() {
    if !is_root("forged desired states") {
        return;
    }
    let (registry, _publisher, proxy, _follower, node) = running_behind_a_proxy();
    let before = digests(&node);
    let other = wait(registry.admin().release("acme/other", "1.1.0")).unwrap();
    let new = wait(registry.admin().release(PAYLOAD, "1.1.0")).unwrap();
    let forgeries: [Vec<(&str, Value)>; 4] = [
        // Other bytes, with their own true signature, under this name.
        vec![
            ("version", "1.1.0".into()),
            ("digest", other.digest.clone().into()),
            ("size_bytes", other.size_bytes.into()),
            ("envelope", other.envelope.clone().into()),
        ],
        // The signature of another release.
        vec![
            ("version", "1.1.0".into()),
            ("digest", new.digest.clone().into()),
            ("size_bytes", new.size_bytes.into()),
            ("envelope", other.envelope.into()),
        ],
        // Another version than the one that was signed.
        vec![
            ("version", "9.9.9".into()),
            ("digest", new.digest.clone().into()),
            ("size_bytes", new.size_bytes.into()),
            ("envelope", new.envelope.into()),
        ],
        // No signature at all.
        vec![
            ("version", "1.1.0".into()),
            ("digest", new.digest.into()),
            ("size_bytes", new.size_bytes.into()),
            ("envelope", Value::Null),
        ],
    ];
    for forgery in forgeries {
        let shown = format!("{forgery:?}");
        let serial = registry.latest_serial(NODE);
        proxy.alter(move |path, answer| {
            let Some(body) = proxy::body(&answer).filter(|_| path.ends_with("/desired")) else {
                return answer;
            };
            let mut desired: Value = serde_json::from_slice(body).unwrap();
            for (field, value) in &forgery {
                desired["instances"][0][*field] = value.clone();
            }
            proxy::answer(&serde_json::to_vec(&desired).unwrap())
        });
        until(&format!("the node refuses {shown}"), || {
            let latest = registry.latest(NODE)?;
            (latest.serial > serial && latest.problem.is_some()).then_some(())
        });
        assert_eq!(digests(&node), before, "{shown}");
    }
}

#[test]
fn an_answer_of_yesterday_chooses_among_signed_releases_and_no_more() {
    if !is_root("replayed answers") {
        return;
    }
    let (registry, publisher, proxy, follower, node) = running_behind_a_proxy();
    let kept: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    proxy.alter(move |path, answer| {
        if path.ends_with("/desired") && proxy::body(&answer).is_some() {
            *keep.lock().unwrap() = Some(answer.clone());
        }
        answer
    });
    assert_eq!(node.stop(), Some(0));
    let node = follower.start();
    let yesterday = until("an answer to replay", || kept.lock().unwrap().clone());
    wait(registry.admin().set_channel(PAYLOAD, "stable", "1.1.0")).unwrap();
    runs(&node, INSTANCE, "1.1.0");
    // Going back is an ordinary thing as long as the publisher has not ruled it out.
    let replay = yesterday.clone();
    proxy.alter(move |path, answer| {
        if path.ends_with("/desired") {
            replay.clone()
        } else {
            answer
        }
    });
    runs(&node, INSTANCE, "1.0.0");
    proxy.alter(|_path, answer| answer);
    runs(&node, INSTANCE, "1.1.0");
    let floor = publisher.floor(PAYLOAD, "1.1.0", 1);
    wait(registry.admin().set_floor(PAYLOAD, &floor)).unwrap();
    until("the node knows the floor", || {
        let following = node.ask_unix("GET /api/v1/registry", b"").json();
        let floors = following["floors"].as_array()?.clone();
        floors
            .iter()
            .any(|floor| floor["minimum_version"] == "1.1.0")
            .then_some(())
    });
    let serial = registry.latest_serial(NODE);
    proxy.alter(move |path, answer| {
        if path.ends_with("/desired") {
            yesterday.clone()
        } else {
            answer
        }
    });
    until("the node refuses what is below the floor", || {
        let latest = registry.latest(NODE)?;
        (latest.serial > serial && latest.problem.is_some()).then_some(())
    });
    assert_eq!(version(&node, INSTANCE).as_deref(), Some("1.1.0"));
}
