//! `node verify`: what this kernel says to an object, nothing attached, nothing left.

use std::io::Write;
use std::process::{Command, Output};

use serde_json::Value;

use super::kernel::exists;
use super::objects::object;
use super::waiting::{is_root, until};
use tests::programs;

/// `node verify --json` of an object, and what it printed.
fn verify(object: &[u8]) -> (Output, Value) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(object).unwrap();
    let done = Command::new(programs::built("node"))
        .args(["verify", "--json"])
        .arg(file.path())
        .output()
        .unwrap();
    let told = serde_json::from_slice(&done.stdout).unwrap_or_default();
    (done, told)
}

fn fates(told: &Value) -> Vec<(&str, &str)> {
    let programs = told["programs"].as_array().unwrap().iter();
    programs
        .map(|one| {
            (
                one["program"].as_str().unwrap(),
                one["fate"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn an_object_that_loads_is_told_with_its_numbers_and_is_gone() {
    if !is_root("a verdict of the kernel") {
        return;
    }
    let (done, told) = verify(&object("two"));
    assert!(done.status.success(), "{done:?}");
    assert_eq!(told["loads"], true);
    assert!(fates(&told).iter().all(|(_, fate)| *fate == "loaded"));
    let program = &told["programs"][0];
    assert!(program["verified_instructions"].as_u64() > Some(0));
    assert_eq!(program["tag"].as_str().map(str::len), Some(16));
    assert!(told["maps"].as_array().is_some_and(|maps| !maps.is_empty()));
}

#[test]
fn a_refusal_names_the_program_its_log_and_what_was_not_reached() {
    if !is_root("a verdict of the kernel") {
        return;
    }
    let (done, told) = verify(&object("rejected"));
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    assert_eq!(
        (&told["loads"], &told["refused_step"]),
        (&false.into(), &"verify".into())
    );
    assert_eq!(
        fates(&told),
        [("handle_exec", "loaded"), ("refused_program", "refused")]
    );
    let problem: Value = serde_json::from_slice(&done.stderr).unwrap();
    let log = problem["log"].as_str().unwrap();
    assert!(log.contains("invalid mem access"), "{log}");
    let gone = || (exists("map", "refused_map") != Some(true)).then_some(());
    until("the map is gone", gone);
}

#[test]
fn what_is_no_object_is_refused_without_a_verdict() {
    let (done, told) = verify(b"hello");
    assert_eq!((done.status.code(), told), (Some(3), Value::Null));
    assert!(!done.stderr.is_empty());
}
