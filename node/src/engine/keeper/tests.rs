//! What is on disk after a crash, and what is removed.

use std::sync::Mutex;

use api::node::{GenerationId, Owner, Settings};

use super::super::history::{Link, Original};
use super::super::proof::tests::proof_to;
use super::super::record::{Laid, Stands};
use super::*;

/// The generation that is made from the last of these files.
fn link(files: &[&[u8]]) -> Link {
    let bytes = files.last().unwrap();
    Link {
        started_ms: 1,
        id: GenerationId {
            generation: u64::try_from(files.len()).unwrap(),
            digest: Digest::of(bytes).to_string(),
            version: None,
        },
        original: Some(Original {
            digest: Digest::of(bytes),
            size_bytes: size(bytes),
            settings: Settings::default(),
        }),
    }
}

fn history(files: &[&[u8]]) -> Arc<History> {
    let mut history = History::default();
    for count in 1..=files.len() {
        let link = link(&files[..count]);
        let proof = proof_to(link.id.clone());
        history.follow("local/a", link, proof);
    }
    Arc::new(history)
}

fn file(bytes: &[u8]) -> File {
    File {
        digest: Digest::of(bytes),
        bytes: Arc::from(bytes),
    }
}

/// Has a generation of each of these files follow the one before, as an update does.
fn follow(keeper: &Keeper, name: &InstanceName, files: &[&[u8]]) {
    let link = link(files);
    let record = Record {
        id: 1,
        started_ms: link.started_ms,
        owner: Owner::Local,
        stands: Stands::Running,
        last_number: link.id.generation,
        generations: vec![Laid {
            id: link.id,
            lane: 0,
            original: link.original,
            set: String::new(),
            seats: Vec::new(),
            maps: Vec::new(),
            pinned_as: None,
        }],
        watch: None,
        tries: 0,
    };
    let newest = files.last().map(|bytes| file(bytes));
    keeper.intend(name, record, newest).unwrap();
    keeper.keep(name, history(files));
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
        follow(&keeper, &name, &[one]);
        follow(&keeper, &name, &[one, two]);
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
    follow(&keeper, &stays, &[needed]);
    let changes: InstanceName = "changes".parse().unwrap();
    for number in 0..60_u8 {
        follow(&keeper, &changes, &[&[number]]);
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
    follow(&keeper, &"b".parse().unwrap(), &[b"x"]);
    keeper.settle();
    let troubles = troubles.lock().unwrap();
    assert!(troubles[0].contains("history of b"), "{troubles:?}");
}
