//! The rules of names, each with what breaks it. Run by `cargo test`.
//! Must never weaken a rule to fit an input.

use super::{InstanceName, NameError, PayloadName, Version};

#[test]
fn payload_name_has_two_parts_and_gives_them() {
    let name: PayloadName = "acme/exec-snoop.v2_b".parse().unwrap();
    assert_eq!((name.namespace(), name.name()), ("acme", "exec-snoop.v2_b"));
    assert_eq!(name.to_string(), "acme/exec-snoop.v2_b");
    for (text, parts) in [("acme", 1), ("a/b/c", 3), ("", 1), ("a//b", 3)] {
        let error = text.parse::<PayloadName>().unwrap_err();
        assert!(
            matches!(error, NameError::Parts { parts: p, .. } if p == parts),
            "{text}"
        );
    }
}

#[test]
fn payload_name_refuses_what_a_path_or_url_would_read_as_more() {
    for text in [
        "/x",
        "x/",
        "../x",
        "x/..",
        "x/.y",
        "x/y.",
        "x/y..z",
        "x/y-_z",
        "X/y",
        "x/é",
        "x/a b",
        "x/%2f",
        "x/<script>",
        "x/a\n",
        "x/a\0",
        "x/-",
        "-x/y",
        "x\\y/z",
    ] {
        assert!(
            text.parse::<PayloadName>().is_err(),
            "{text:?} was accepted"
        );
    }
}

#[test]
fn name_parts_have_at_most_63_bytes() {
    let longest = "a".repeat(63);
    assert!(
        format!("{longest}/{longest}")
            .parse::<PayloadName>()
            .is_ok()
    );
    let error = format!("a/{longest}a").parse::<PayloadName>().unwrap_err();
    assert!(matches!(
        error,
        NameError::TooLong {
            bytes: 64,
            bytes_max: 63,
            ..
        }
    ));
}

#[test]
fn instance_name_is_a_single_safe_directory_name() {
    for text in ["a", "execsnoop", "A.b_c-D9", "0"] {
        assert_eq!(text.parse::<InstanceName>().unwrap().as_str(), text);
    }
    for text in [
        "",
        ".",
        "..",
        "-a",
        "_a",
        "a/b",
        "a b",
        "ü",
        "a\u{7}",
        &"a".repeat(64),
    ] {
        assert!(
            text.parse::<InstanceName>().is_err(),
            "{text:?} was accepted"
        );
    }
}

#[test]
fn version_is_semver_without_build_metadata() {
    let ordered = [
        "0.9.0",
        "1.0.0-alpha.1",
        "1.0.0-alpha.2",
        "1.0.0",
        "1.0.10",
        "1.2.0",
    ];
    let versions: Vec<Version> = ordered.iter().map(|text| text.parse().unwrap()).collect();
    assert!(versions.is_sorted());
    let error = "1.0.0+abc".parse::<Version>().unwrap_err();
    assert!(matches!(error, NameError::BuildMetadata { build, .. } if build == "abc"));
    for text in [
        "", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", " 1.0.0", "1.0.0\n",
    ] {
        assert!(text.parse::<Version>().is_err(), "{text:?} was accepted");
    }
    assert!(
        format!("1.0.0-{}", "a".repeat(64))
            .parse::<Version>()
            .is_err()
    );
}

#[test]
fn errors_show_an_excerpt_only() {
    let error = "é".repeat(100_000).parse::<InstanceName>().unwrap_err();
    assert!(
        error.to_string().len() < 600,
        "{} bytes",
        error.to_string().len()
    );
}

#[test]
fn names_read_and_write_as_json_strings() {
    let name: PayloadName = serde_json::from_str("\"acme/x\"").unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"acme/x\"");
    assert!(serde_json::from_str::<PayloadName>("\"acme\"").is_err());
    assert!(serde_json::from_str::<InstanceName>("3").is_err());
}
