//! The store, and what a crash between any two steps leaves in it.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;

use api::registry::{Outcome, OutcomeKind};
use payload::digest::Digest;

use super::super::target::tests::wanted;
use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

fn put(store: &Store, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    let mut part = store.part(&digest, size(bytes)).unwrap();
    part.put(
        part.bytes(),
        &bytes[usize::try_from(part.bytes()).unwrap()..],
    )
    .unwrap();
    store.finish(&digest, part).unwrap();
    digest
}

fn names(store: &Store) -> BTreeSet<String> {
    let entries = fs::read_dir(store.folder.join(PAYLOADS)).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_fetch_goes_on_after_a_crash_at_every_byte() {
    let bytes: Vec<u8> = (0..=255).collect();
    let digest = Digest::of(&bytes);
    for kept in 0..=bytes.len() {
        let (folder, store) = store();
        let mut part = store.part(&digest, 256).unwrap();
        part.put(0, &bytes[..kept]).unwrap();
        // The process dies here; another one opens the folder.
        drop((part, store));
        let store = Store::open(folder.path()).unwrap();
        assert!(!store.has(&digest));
        assert_eq!(put(&store, &bytes), digest);
        assert_eq!(store.bytes(&digest).unwrap(), bytes);
        assert_eq!(names(&store).len(), 1);
    }
}

#[test]
fn a_registry_that_starts_over_is_followed() {
    let (_folder, store) = store();
    let digest = Digest::of(b"whole");
    let mut part = store.part(&digest, 5).unwrap();
    part.put(0, b"who").unwrap();
    part.put(0, b"wh").unwrap();
    part.put(2, b"ole").unwrap();
    store.finish(&digest, part).unwrap();
    assert_eq!(store.bytes(&digest).unwrap(), b"whole");
}

#[test]
fn bytes_of_another_digest_never_get_a_place_and_never_come_out() {
    let (folder, store) = store();
    let digest = Digest::of(b"right");
    let mut part = store.part(&digest, 5).unwrap();
    part.put(0, b"wrong").unwrap();
    let error = store.finish(&digest, part).unwrap_err();
    assert!(matches!(error, BlobError::Digest { .. }), "{error}");
    assert!(names(&store).is_empty(), "the next fetch begins anew");

    put(&store, b"right");
    let path = folder
        .path()
        .join(format!("payloads/{}.wasm", digest.hex()));
    // A disk that forgets.
    crate::durable::replace(&path, b"r1ght").unwrap();
    assert!(matches!(
        store.bytes(&digest),
        Err(BlobError::Digest { .. })
    ));
    assert!(!store.has(&digest), "it is fetched again");
    assert!(matches!(store.bytes(&digest), Err(BlobError::File { .. })));
}

#[test]
fn a_part_longer_than_the_file_is_said_to_be_begins_anew() {
    let (_folder, store) = store();
    let digest = Digest::of(b"ab");
    store
        .part(&digest, 9)
        .unwrap()
        .put(0, b"abcdefghi")
        .unwrap();
    assert_eq!(store.part(&digest, 2).unwrap().bytes(), 0);
}

#[test]
fn what_is_needed_is_never_collected_and_the_rest_is_bounded() {
    let (folder, store) = store();
    let digests: Vec<Digest> = (0..30_u8).map(|n| put(&store, &[n])).collect();
    let on_the_way = Digest::of(b"x");
    store.part(&on_the_way, 1).unwrap();
    drop(File::create(folder.path().join("payloads/notes.txt")).unwrap());
    let needed: BTreeSet<Digest> = digests.iter().take(3).copied().collect();
    store.collect(&needed).unwrap();
    assert!(needed.iter().all(|digest| store.has(digest)));
    // 3 that are needed, 16 that are spare, and what is not the node's.
    assert_eq!(names(&store).len(), 3 + 16 + 1);
    let with_part: BTreeSet<Digest> = [on_the_way].into();
    store.part(&on_the_way, 1).unwrap();
    store.collect(&with_part).unwrap();
    assert!(names(&store).contains(&format!("{}.part", on_the_way.hex())));
}

#[test]
fn what_is_kept_comes_back_and_a_crash_while_it_is_written_leaves_what_was() {
    let (folder, store) = store();
    assert_eq!(store.kept().unwrap(), None);
    let kept = Kept {
        instances: vec![KeptInstance {
            wanted: wanted("a", "1.1.0"),
            previous: Some(wanted("a", "1.0.0")),
            failed: Some(wanted("a", "1.2.0")),
            to_commit: true,
        }],
        attempts: vec![KeptAttempt {
            instance: "a".parse().unwrap(),
            digest: Digest::of(b"a"),
            rollout: Some(7),
            times: 2,
        }],
        outbox: Outbox::beginning(0),
    };
    store.keep(&kept).unwrap();
    // A crash between the temporary file's first byte and its new name.
    for half in [&b""[..], b"{\"instances\":[", b"\0\0\0"] {
        crate::durable::replace(&folder.path().join("fleet.json.new"), half).unwrap();
        let again = Store::open(folder.path()).unwrap();
        assert_eq!(again.kept().unwrap().as_ref(), Some(&kept));
        store.keep(&kept).unwrap();
    }
}

#[test]
fn a_file_that_somebody_altered_is_no_empty_one() {
    let (folder, store) = store();
    for name in ["fleet.json", "floors.json", "credential.json"] {
        crate::durable::replace(&folder.path().join(name), b"{\"unknown\":1}").unwrap();
    }
    assert!(matches!(store.kept(), Err(StoreError::Altered { .. })));
    assert!(matches!(store.floors(), Err(StoreError::Altered { .. })));
    let error = store.credential().unwrap_err().to_string();
    assert!(error.contains("credential.json"), "{error}");
}

#[test]
fn a_credential_is_for_the_node_alone() {
    let (folder, store) = store();
    let credential = Credential {
        node: "here".to_owned(),
        credential: "marrow_secret".to_owned(),
    };
    store.keep_credential(&credential).unwrap();
    assert_eq!(store.credential().unwrap(), Some(credential.clone()));
    let file = fs::metadata(folder.path().join("credential.json")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert!(!format!("{credential:?}").contains("secret"));
}

fn outcome(text: &str) -> Outcome {
    Outcome {
        serial: 0,
        at_ms: 0,
        instance: text.to_owned(),
        kind: OutcomeKind::Started,
        payload: String::new(),
        version: None,
        digest: String::new(),
        proof: None,
        problem: None,
        rollout: None,
        staging: false,
    }
}

#[test]
fn an_outbox_is_bounded_counts_what_it_dropped_and_never_uses_a_serial_again() {
    let mut outbox = Outbox::beginning(0);
    for _ in 0..300 {
        outbox.add(outcome("x"));
    }
    assert_eq!((outbox.waiting(), outbox.dropped()), (256, 44));
    let serials = |outbox: &Outbox| -> Vec<u64> {
        let batch = outbox.batch(u64::MAX, usize::MAX);
        batch.iter().map(|outcome| outcome.serial).collect()
    };
    assert_eq!(serials(&outbox), (45..=300).collect::<Vec<_>>());
    outbox.taken(299);
    let json = serde_json::to_vec(&outbox).unwrap();
    let mut outbox: Outbox = serde_json::from_slice(&json).unwrap();
    outbox.taken(300);
    outbox.add(outcome("y"));
    assert_eq!(serials(&outbox), [301]);
    outbox.give_up(301);
    assert_eq!((outbox.waiting(), outbox.dropped()), (0, 45));
}

#[test]
fn serials_of_a_life_that_lost_what_was_kept_are_behind_all_of_the_life_before() {
    let mut outbox = Kept::nothing(1_000_000).outbox;
    (0..300).for_each(|_| outbox.add(outcome("x")));
    let mut after = Kept::nothing(1_000_000 + 60_000).outbox;
    after.add(outcome("y"));
    let serial = after.batch(u64::MAX, usize::MAX)[0].serial;
    assert!(serial > outbox.last_serial(), "{serial}");
}

#[test]
fn a_batch_holds_what_is_written_down_up_to_its_bytes_and_one_at_least() {
    let mut outbox = Outbox::beginning(0);
    for _ in 0..3 {
        outbox.add(outcome(&"x".repeat(1000)));
    }
    assert_eq!(outbox.batch(u64::MAX, 10).len(), 1);
    assert_eq!(outbox.batch(u64::MAX, 2500).len(), 2);
    assert_eq!(outbox.batch(1, usize::MAX).len(), 1);
    assert!(outbox.batch(0, usize::MAX).is_empty());
}
