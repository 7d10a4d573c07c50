//! The line that leads back, and its bounds.

use super::super::proof::tests::proof_to;
use super::*;

fn id(generation: u64, digest: &str) -> GenerationId {
    GenerationId {
        generation,
        digest: digest.to_owned(),
        version: None,
    }
}

fn original(bytes: &[u8], size_bytes: u64) -> Original {
    Original {
        digest: Digest::of(bytes),
        size_bytes,
        settings: Settings::default(),
    }
}

fn link(life: u64, generation: u64, file: &str, size_bytes: u64) -> Link {
    Link {
        started_ms: life,
        id: id(generation, file),
        original: Some(original(file.as_bytes(), size_bytes)),
    }
}

fn follow(history: &mut History, life: u64, generation: u64, file: &str) {
    let link = link(life, generation, file, 10);
    let proof = proof_to(link.id.clone());
    history.follow("local/a", link, proof);
}

fn go_back(history: &mut History, life: u64, generation: u64, file: &str) {
    let link = link(life, generation, file, 10);
    let proof = proof_to(link.id.clone());
    history.go_back("local/a", link, proof);
}

fn before(history: &History) -> Option<&str> {
    history.before().map(|link| link.id.digest.as_str())
}

#[test]
fn each_way_back_leads_one_further_and_never_forth() {
    let mut history = History::default();
    follow(&mut history, 1, 1, "one");
    assert_eq!(before(&history), None);
    follow(&mut history, 1, 2, "two");
    follow(&mut history, 1, 3, "three");
    assert_eq!(before(&history), Some("two"));
    go_back(&mut history, 1, 2, "two");
    assert_eq!(before(&history), Some("one"));
    go_back(&mut history, 1, 4, "one");
    assert_eq!(before(&history), None);
    follow(&mut history, 1, 5, "five");
    assert_eq!(before(&history), Some("one"));
    assert_eq!(history.proofs_of(1).count(), 6);
}

#[test]
fn the_same_again_in_another_life_is_no_step_but_in_the_same_life_it_is() {
    let mut history = History::default();
    follow(&mut history, 1, 1, "one");
    follow(&mut history, 1, 2, "two");
    follow(&mut history, 2, 1, "two");
    assert_eq!(before(&history), Some("one"));
    follow(&mut history, 2, 2, "two");
    assert_eq!(before(&history), Some("two"));
    assert_eq!(history.proofs_of(2).count(), 2);
}

#[test]
fn proofs_generations_and_bytes_are_bounded() {
    let mut history = History::default();
    for generation in 0..200 {
        follow(&mut history, 1, generation, &generation.to_string());
    }
    assert_eq!(history.entries.len(), ENTRIES_MAX);
    assert_eq!(history.needed().count(), LINE_MAX);
    let large = LINE_BYTES_MAX / 2 + 1;
    for generation in 0..4 {
        let file = format!("large {generation}");
        let link = link(1, generation, &file, large);
        let proof = proof_to(link.id.clone());
        history.follow("local/a", link, proof);
    }
    // The one in charge, the one before it, and the one that fits.
    assert_eq!(history.needed().count(), 3);
}

#[test]
fn what_is_shown_as_kept_can_be_gone_back_to() {
    let mut history = History::default();
    follow(&mut history, 1, 1, "one");
    follow(&mut history, 1, 2, "two");
    go_back(&mut history, 1, 1, "one");
    let shown = history.shown("a", |_| true);
    let kept: Vec<(u64, bool, bool)> = shown
        .entries
        .iter()
        .map(|entry| (entry.proof.to.generation, entry.kept, entry.in_charge))
        .collect();
    assert_eq!(kept, [(1, true, false), (2, false, false), (1, true, true)]);
    assert!(
        history
            .shown("a", |_| false)
            .entries
            .iter()
            .all(|entry| !entry.kept)
    );
    let json = serde_json::to_vec(&history).unwrap();
    assert_eq!(serde_json::from_slice::<History>(&json).unwrap(), history);
}
