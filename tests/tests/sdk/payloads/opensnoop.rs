//! `opensnoop`: where files could not be opened, and who opens how many.

use serde_json::{Value, json};

use super::{EVENTS, begun, built, summary, text};

const ENOENT: i32 = 2;
const EACCES: i32 = 13;
/// An error that has no name there.
const ENODATA: i32 = 61;
/// Of `x86_64` and arm64 alike.
const O_RDWR_CREAT: u32 = 0o102;

/// A record of `bpf/opensnoop/event.h`.
fn open(comm: &str, path: &str, ret: i32, flags: u32) -> Vec<u8> {
    let mut bytes = 1_500_u64.to_le_bytes().to_vec();
    for number in [7, 8, 1000, ret.cast_unsigned(), flags, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(text::<16>(comm));
    bytes.extend(text::<256>(path));
    bytes
}

#[test]
fn opensnoop_tells_failures_by_name_and_what_was_opened() {
    let built = built("opensnoop");
    let mut driven = begun(&built);
    let records = [
        open("cat", "/etc/shadow", -EACCES, 0),
        open("cat", "/etc/x", 3, O_RDWR_CREAT),
    ];
    driven.events(EVENTS, &records);
    let told = driven.told();
    let expected = json!({
        "pid": 7, "tid": 8, "uid": 1000, "comm": "cat", "filename": "/etc/shadow", "ret": -EACCES,
        "error": "EACCES", "flags": 0, "writes": false, "creates": false, "mode": 0,
        "duration_ns": 1500,
    });
    assert_eq!(told.of("error"), [expected]);
    let opened = &told.of("open")[0];
    assert_eq!(
        (&opened["writes"], &opened["creates"]),
        (&json!(true), &json!(true))
    );
    assert!(opened.get("error").is_none());
    let built = built.set(&[("tell_opens", "false"), ("tell_errors", "false")]);
    let mut silent = begun(&built);
    silent.events(EVENTS, &records);
    let told = silent.told();
    assert!(told.outputs.is_empty());
    assert_eq!(told.added("opensnoop_opens_total", &[]), 2);
}

#[test]
fn opensnoop_counts_failures_by_error_and_by_prefix() {
    let built = built("opensnoop");
    let mut driven = begun(&built);
    let long = format!("/{}/b/c", "a".repeat(100));
    let paths = [
        "/usr/lib/x/y",
        "/usr/lib/z",
        "/usr/lib",
        "/file",
        "rel/x",
        "",
        &long,
        "/proc/1/x/y",
    ];
    let mut records: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| open("ld", path, -ENOENT, 0))
        .collect();
    records.push(open("cat", "/usr/lib/q", -ENODATA, 0));
    driven.events(EVENTS, &records);
    let told = driven.told();
    assert_eq!(told.added("opensnoop_errors_total", &["ENOENT"]), 8);
    assert_eq!(told.added("opensnoop_errors_total", &["other"]), 1);
    let summary = summary(&built, &mut driven);
    let prefixes = summary["prefixes"].as_array().unwrap();
    let counts = prefixes.iter().map(|one| {
        let prefix = one["prefix"].as_str().unwrap().to_owned();
        (prefix, one["errors"].as_u64().unwrap())
    });
    let mut counts: Vec<(String, u64)> = counts.collect();
    counts.sort();
    let cut = format!("/{}", "a".repeat(63));
    let expected = [
        ("/", 1),
        (".", 2),
        (&cut, 1),
        ("/proc/1", 1),
        ("/usr", 1),
        ("/usr/lib", 3),
    ];
    let mut expected = expected.map(|(prefix, count)| (prefix.to_owned(), count));
    expected.sort();
    assert_eq!(counts, expected);
    assert_eq!(prefixes[0]["prefix"], "/usr/lib");
    assert_eq!(prefixes[0]["error"], "other");
    assert_eq!(prefixes[0]["errors_per_s"], 0.3);
}

#[test]
fn opensnoop_tells_rates_by_command() {
    let built = built("opensnoop");
    let mut driven = begun(&built);
    let mut records = vec![open("busy", "/a", 3, 0); 30];
    records.push(open("busy", "/a", -ENOENT, 0));
    records.push(open("idle", "/a", 3, 0));
    driven.events(EVENTS, &records);
    let told = summary(&built, &mut driven);
    let rates = |one: &Value| {
        ["comm", "opens", "errors", "opens_per_s", "errors_per_s"].map(|field| one[field].clone())
    };
    assert_eq!(
        json!(rates(&told["commands"][0])),
        json!(["busy", 31, 1, 3.1, 0.1])
    );
    assert_eq!(
        json!(rates(&told["commands"][1])),
        json!(["idle", 1, 0, 0.1, 0])
    );
    assert_eq!(told["commands"][0]["duration_p99_us"], 1);
    // The next one begins anew.
    driven.tick(22 * super::SECOND_NS);
    let told = driven.told().of("summary");
    assert_eq!(
        (&told[0]["opens"], &told[0]["commands"]),
        (&json!(0), &json!([]))
    );
}
