//! The lines of a file of events, while a daemon appends to it: a half one at its end is none yet.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Shows each whole line, in the file's order.
pub(crate) fn each(file: &Path, mut each: impl FnMut(Value)) {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.split_inclusive('\n');
    for line in lines.filter(|line| line.ends_with('\n')) {
        each(serde_json::from_str(line).unwrap());
    }
}

/// The numbers of reports in the file, in its order, by thread. `number` reads a field of a line.
pub(crate) fn reports(
    file: &Path,
    number: impl Fn(&Value, &str) -> u64,
) -> BTreeMap<u64, Vec<u64>> {
    let mut reports: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    each(file, |line| {
        let of_thread = reports.entry(number(&line, "thread")).or_default();
        of_thread.push(number(&line, "seq"));
    });
    reports
}
