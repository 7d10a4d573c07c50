//! Two types side by side: every field of both, where it stands in each.

use payload::btf::layout::side_by_side;
use payload::btf::{Btf, Kind};
use payload::limits::LAYOUT_FIELDS_MAX;

use crate::builder::Builder;

/// The words of each line.
fn lines(text: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(words).collect()
}

fn compared(old: &Builder, new: &Builder) -> Vec<String> {
    let [old, new] = [old, new].map(|built| Btf::parse(built.bytes()).unwrap());
    let [was, is] = [&old, &new].map(|btf| btf.find(Kind::Struct, "count").unwrap());
    lines(&side_by_side((&old, was), (&new, is)))
}

#[test]
fn fields_stand_beside_their_namesakes_wherever_they_moved() {
    let mut old = Builder::new();
    let int = old.int("int", 4, 1);
    old.composite(4, "count", 8, &[("gone", int, 0), ("runs", int, 32)]);
    let mut new = Builder::new();
    let long = new.int("long", 8, 1);
    let inner = new.composite(4, "inner", 8, &[("runs", long, 0)]);
    let part = new.composite(4, "", 8, &[("runs", long, 0)]);
    new.composite(4, "count", 16, &[("", part, 0), ("of", inner, 64)]);
    assert_eq!(
        compared(&old, &new),
        [
            "field was is",
            "(all) 0 8 bytes struct count 0 16 bytes struct count",
            "runs 4 4 bytes int 0 8 bytes long",
            "of - 8 8 bytes struct inner",
            "of.runs - 8 8 bytes long",
            "gone 0 4 bytes int -",
        ]
    );
}

#[test]
fn a_type_with_very_many_fields_is_cut_off_and_says_so() {
    let mut many = Builder::new();
    let mut inner = many.int("int", 4, 1);
    // Without names each level doubles the fields without a line of its own.
    for _ in 0..40 {
        inner = many.composite(5, "", 4, &[("", inner, 0), ("", inner, 0)]);
    }
    many.composite(4, "count", 4, &[("a", inner, 0)]);
    let lines = compared(&many, &many);
    assert!(lines.len() <= LAYOUT_FIELDS_MAX + 3, "{}", lines.len());
    let told = format!("{LAYOUT_FIELDS_MAX} fields are shown, the most");
    assert_eq!(lines.last(), Some(&told));
}
