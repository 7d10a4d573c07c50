//! What is on disk after a crash, and what is removed.

use std::sync::Mutex;

use api::node::{GenerationId, Settings};

use super::super::history::{Link, Original};
use super::super::proof::tests::proof_to;
use super::*;

fn history(files: &[&[u8]]) -> Arc<History> {
    let mut history = History::default();
    for (index, bytes) in files.iter().enumerate() {
        let id = GenerationId {
            generation: u64::try_from(index).unwrap() + 1,
            digest: Digest::of(bytes).to_string(),
            version: None,
        };
        let original = Original {
            digest: Digest::of(bytes),
            size_bytes: size(bytes),
            settings: Settings::default(),
        };
        let link = Link {
            started_ms: 1,
            id: id.clone(),
            original: Some(original),
        };
        history.follow("local/a", link, proof_to(id));
    }
    Arc::new(history)
}

fn file(bytes: &[u8]) -> File {
    File {
        digest: Digest::of(bytes),
        bytes: Arc::from(bytes),
    }
}

fn keeper(folder: &Path) -> (Keeper, Arc<Mutex<Vec<String>>>) {
    let troubles = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&troubles);
    let keeper = Keeper::open(
        folder,
        Box::new(move |text| told.lock().unwrap().push(text.to_owned())),
    );
    (keeper.unwrap(), troubles)
}

#[test]
fn a_history_and_its_files_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let name: InstanceName = "a".parse().unwrap();
    let (one, two) = (b"one".as_slice(), b"two".as_slice());
    {
        let (keeper, troubles) = keeper(folder.path());
        assert_eq!(keeper.read(&name).unwrap(), None);
        keeper.keep(&name, history(&[one]), Some(file(one)));
        keeper.keep(&name, history(&[one, two]), Some(file(two)));
        keeper.settle();
        assert!(troubles.lock().unwrap().is_empty());
    }
    // What a crash leaves of a file on its way.
    durable::replace(&folder.path().join("history/a.json.new"), b"{").unwrap();
    let (keeper, _) = keeper(folder.path());
    assert_eq!(
        keeper.read(&name).unwrap(),
        Some((*history(&[one, two])).clone())
    );
    assert_eq!(keeper.bytes(&Digest::of(one)).unwrap(), one);
    assert!(keeper.has(&Digest::of(two)));
}

#[test]
fn files_that_a_history_needs_stay_and_the_rest_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, _) = keeper(folder.path());
    let needed = b"needed".as_slice();
    let stays: InstanceName = "stays".parse().unwrap();
    keeper.keep(&stays, history(&[needed]), Some(file(needed)));
    let changes: InstanceName = "changes".parse().unwrap();
    for number in 0..60_u8 {
        keeper.keep(&changes, history(&[&[number]]), Some(file(&[number])));
    }
    keeper.settle();
    assert!(keeper.has(&Digest::of(needed)));
    assert!(keeper.has(&Digest::of(&[59])));
    let files = fs::read_dir(folder.path().join("history/payloads")).unwrap();
    // Two that are needed, and those that the store keeps for who goes back to them.
    assert!(files.count() <= 2 + 16);
}

#[test]
fn a_history_that_somebody_altered_is_told_and_no_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, troubles) = keeper(folder.path());
    let name: InstanceName = "a".parse().unwrap();
    durable::replace(&folder.path().join("history/a.json"), b"{\"unknown\":1}").unwrap();
    let error = keeper.read(&name).unwrap_err();
    assert!(matches!(error, StoreError::Altered { .. }), "{error}");
    // What can't be written is told too.
    fs::create_dir(folder.path().join("history/b.json")).unwrap();
    keeper.keep(&"b".parse().unwrap(), history(&[b"x"]), Some(file(b"x")));
    keeper.settle();
    let troubles = troubles.lock().unwrap();
    assert!(troubles[0].contains("history of b"), "{troubles:?}");
}
