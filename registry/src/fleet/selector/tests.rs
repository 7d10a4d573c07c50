//! The language of selectors: a table of what holds, what is refused and where, and round trips.

use std::collections::BTreeMap;

use api::registry::Facts;
use proptest::prelude::*;

use super::{Candidate, Selector, SelectorError};

fn facts() -> Facts {
    let labels = [
        ("env", "prod"),
        ("region", "eu-1"),
        ("rack", "12"),
        ("note", "a \"b\" \\ c"),
        ("kernel", "1.0"),
    ];
    Facts {
        kernel: "5.15.3-18-cloud-amd64".into(),
        arch: "x86_64".into(),
        labels: labels.map(|(key, value)| (key.into(), value.into())).into(),
        ..Facts::default()
    }
}

fn holds(text: &str) -> bool {
    let facts = facts();
    let selector: Selector = text.parse().expect(text);
    selector.matches(Candidate {
        node: "web-1",
        facts: &facts,
    })
}

#[test]
fn terms_hold_as_the_table_says() {
    for (text, expected) in [
        ("*", true),
        (" * ", true),
        ("env=prod", true),
        ("env = prod", true),
        ("env=test", false),
        ("env=PROD", false),
        ("env", true),
        ("!env", false),
        ("canary", false),
        ("!canary-optout", true),
        ("role=db", false),
        ("role!=db", true),
        ("env!=prod", false),
        ("region in (a eu-1)", true),
        ("region in (a b)", false),
        ("role in (a)", false),
        (
            "env=prod, kernel>=5.15, !canary-optout, role!=db, region in (eu-1 eu-2)",
            true,
        ),
        ("env=prod, role=db", false),
        ("note=\"a \\\"b\\\" \\\\ c\"", true),
        ("env=\"prod\"", true),
        ("env=\"\"", false),
        ("node=web-1", true),
        ("node in (web-2)", false),
        ("arch=x86_64", true),
        ("rack>9", true),
        ("rack<9", false),
        ("rack>=12, rack<=12", true),
        // What is no number is neither more nor less.
        ("env>1", false),
        ("env<1", false),
        ("role>1", false),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn kernels_compare_as_numbers_and_as_many_as_are_written() {
    for (text, expected) in [
        ("kernel>=5.15", true),
        ("kernel>=5.4", true),
        ("kernel>=5.100", false),
        ("kernel>5.15", false),
        ("kernel<=5.15", true),
        ("kernel>5.15.2", true),
        ("kernel>=5.15.3.1", false),
        ("kernel<6", true),
        ("kernel=5", true),
        ("kernel=5.15", true),
        ("kernel!=5.15", false),
        ("kernel=5.1", false),
        ("kernel=5.15.3-18-cloud-amd64", true),
        ("kernel in (4 5.15)", true),
        // A label can't stand in for the node's own kernel.
        ("kernel=1.0", false),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_expression_is_refused_with_its_place() {
    for (text, place) in [
        ("", 0),
        ("  ", 2),
        (",", 0),
        ("env=prod,", 9),
        ("env=prod,,a", 9),
        ("=prod", 0),
        ("env=", 4),
        ("env==prod", 4),
        ("env prod", 4),
        ("env=prod role=db", 9),
        ("* , env", 2),
        ("env, *", 5),
        ("region in", 9),
        ("region in ()", 11),
        ("region in (a", 12),
        ("region in (a, b)", 12),
        ("!env=prod", 4),
        ("! env", 1),
        ("énv=a", 0),
        ("env=é", 4),
        ("env\n=a", 3),
    ] {
        match text.parse::<Selector>() {
            Err(SelectorError::Unexpected { at, .. }) => assert_eq!(at, place, "{text:?}"),
            other => panic!("{text:?} gave {other:?}"),
        }
    }
    assert_eq!(
        "a, kernel >= new"
            .parse::<Selector>()
            .unwrap_err()
            .to_string(),
        "the selector compares kernel at byte 13 with \"new\", which is not numbers with dots \
         such as 5.15"
    );
    assert_eq!(
        "a=\"b\\\"".parse::<Selector>(),
        Err(SelectorError::OpenQuote { at: 2 })
    );
}

#[test]
fn bounds_are_held() {
    let terms = |count: usize| vec!["a"; count].join(",");
    assert!(terms(32).parse::<Selector>().is_ok());
    assert!(matches!(
        terms(33).parse::<Selector>(),
        Err(SelectorError::TooMany {
            what: "terms",
            max: 32,
            at: 64
        })
    ));
    let values = |count: usize| format!("a in ({})", vec!["b"; count].join(" "));
    assert!(values(64).parse::<Selector>().is_ok());
    assert!(matches!(
        values(65).parse::<Selector>(),
        Err(SelectorError::TooMany {
            what: "values",
            max: 64,
            ..
        })
    ));
    assert!(matches!(
        "a".repeat(1025).parse::<Selector>(),
        Err(SelectorError::TooLong { bytes: 1025 })
    ));
}

fn term() -> impl Strategy<Value = String> {
    let key = "[a-z][a-z0-9._/-]{0,6}".prop_filter("a word of the grammar", |key| key != "in");
    let bare = "[A-Za-z0-9._/:@+-]{1,6}";
    let quoted = "[ -~é]{0,6}"
        .prop_map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    let value = prop_oneof![bare.prop_map(String::from), quoted];
    let numbers = "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}";
    prop_oneof![
        key.clone(),
        key.clone().prop_map(|key| format!("!{key}")),
        (key.clone(), "!?=", value.clone()).prop_map(|(key, sign, value)| key + &sign + &value),
        (key.clone(), "[<>]=?", numbers).prop_map(|(key, sign, value)| key + &sign + &value),
        (key, prop::collection::vec(value, 1..4))
            .prop_map(|(key, values)| format!("{key} in ({})", values.join(" "))),
    ]
}

proptest! {
    #[test]
    fn the_text_of_a_selector_reads_back_as_the_same(
        terms in prop::collection::vec(term(), 1..6),
    ) {
        let selector: Selector = terms.join(", ").parse().unwrap();
        let text = selector.to_string();
        prop_assert_eq!(text.parse::<Selector>().unwrap(), selector.clone());
        prop_assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
    }

    #[test]
    fn any_text_is_read_or_refused_within_its_length(text in "[a-z!=<>(), \"\\\\*é0-9.]{0,40}") {
        match text.parse::<Selector>() {
            Ok(selector) => {
                prop_assert_eq!(selector.to_string().parse::<Selector>().unwrap(), selector);
            }
            Err(SelectorError::Unexpected { at, .. }) => prop_assert!(at <= text.len()),
            Err(_) => {}
        }
    }

    #[test]
    fn absent_is_the_opposite_of_present_and_not_equal_of_equal(
        key in "[a-d]", value in "[ab]", labels in prop::collection::btree_map("[a-d]", "[ab]", 0..4),
    ) {
        let labels: BTreeMap<String, String> = labels;
        let facts = Facts { labels, ..Facts::default() };
        let holds = |text: String| {
            text.parse::<Selector>().unwrap().matches(Candidate { node: "n", facts: &facts })
        };
        prop_assert_ne!(holds(key.clone()), holds(format!("!{key}")));
        prop_assert_ne!(holds(format!("{key}={value}")), holds(format!("{key}!={value}")));
    }
}
