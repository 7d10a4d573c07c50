//! What a node may tell, and what it may not.

use api::problem::Problem;
use api::registry::OutcomeKind;

use super::*;

fn outcome() -> Outcome {
    Outcome {
        serial: 1,
        at_ms: 1,
        instance: "x".into(),
        kind: OutcomeKind::LoadRejected,
        payload: "acme/x".into(),
        version: None,
        digest: Digest::of(b"x").to_string(),
        proof: None,
        problem: None,
        rollout: None,
        staging: false,
    }
}

fn reports() -> Reports {
    Reports {
        facts: Facts::default(),
        instances: Vec::new(),
        outcomes: vec![outcome()],
    }
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_field() {
    type Breaks = fn(&mut Reports);
    let cases: [(&str, Breaks); 10] = [
        ("facts.kernel", |all| all.facts.kernel = "6\n1".into()),
        ("facts.os", |all| all.facts.os = "x".repeat(257)),
        ("facts.labels", |all| {
            drop(all.facts.labels.insert("a b".into(), String::new()));
        }),
        ("facts.labels", |all| {
            drop(all.facts.labels.insert(String::new(), String::new()));
        }),
        ("facts.labels", |all| {
            drop(all.facts.labels.insert("kernel".into(), "9".into()));
        }),
        ("facts.labels.a", |all| {
            drop(all.facts.labels.insert("a".into(), "\u{1b}[2J".into()));
        }),
        ("facts.labels", |all| {
            all.facts.labels = (0..65)
                .map(|index| (index.to_string(), String::new()))
                .collect();
        }),
        ("outcomes[0].instance", |all| {
            all.outcomes[0].instance = "../x".into();
        }),
        ("outcomes[0].digest", |all| {
            all.outcomes[0].digest = "sha256:0".into();
        }),
        ("outcomes", |all| all.outcomes = vec![outcome(); 257]),
    ];
    for (field, breaks) in cases {
        let mut reports = reports();
        breaks(&mut reports);
        let error = check(reports).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
    }
}

#[test]
fn markup_in_a_label_is_only_text() {
    let mut reports = reports();
    reports
        .facts
        .labels
        .insert("owner".into(), "<script>alert(1)</script>".into());
    assert_eq!(check(reports.clone()).unwrap().reports, reports);
}

#[test]
fn a_long_log_keeps_its_end() {
    let mut reports = reports();
    let log = "é".repeat(LOG_BYTES_MAX) + "R1 invalid mem access";
    let problem = Problem::new(422, "refused", "no").with_log(log);
    reports.outcomes[0].problem = Some(Box::new(problem));
    let kept = check(reports).unwrap().reports;
    let log = kept.outcomes[0]
        .problem
        .as_ref()
        .unwrap()
        .log
        .clone()
        .unwrap();
    assert!(
        log.ends_with("éR1 invalid mem access"),
        "{}",
        &log[log.len() - 80..]
    );
    assert!(
        log.starts_with("(the first ") && log.len() < LOG_BYTES_MAX + 64,
        "{}",
        log.len()
    );
}

#[test]
fn an_outcome_is_bounded() {
    let mut reports = reports();
    let problem = Problem::new(422, "refused", "x".repeat(OUTCOME_BYTES_MAX));
    reports.outcomes[0].problem = Some(Box::new(problem));
    let error = check(reports).unwrap_err();
    assert_eq!(error.field(), "outcomes[0]");
}
