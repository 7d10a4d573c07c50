//! Pictures, line by line.

use super::*;
use crate::rollout::example::{NOW_MS, detail, rejecting};

fn drawn(detail: &RolloutDetail, columns: usize) -> String {
    let lines = Picture::of(detail, NOW_MS, columns).whole();
    for line in &lines {
        assert!(line.chars().count() <= columns, "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_wave_that_bakes_is_drawn_with_its_gate_and_what_can_be_typed() {
    assert_eq!(drawn(&detail(), 80), include_str!("baking-80.txt"));
    assert_eq!(drawn(&detail(), 40), include_str!("baking-40.txt"));
}

#[test]
fn a_preflight_is_drawn_with_its_kernels_and_the_verifiers_words() {
    assert_eq!(drawn(&rejecting(), 80), include_str!("rejecting-80.txt"));
    assert_eq!(drawn(&rejecting(), 40), include_str!("rejecting-40.txt"));
}
