//! Each rule about handlers: one that it lets pass, one that it does not, and what it says.

use payload::manifest::{Limit, MapAccess, Metric, MetricKind};

use super::*;

fn asked() -> Handler {
    let host = |function: &str| format!("marrow:handler/host@1.0.0#{function}");
    let metric = |name: &str, labels: &[&str], series| Metric {
        name: name.to_owned(),
        kind: MetricKind::Counter,
        help: None,
        labels: labels.iter().copied().map(str::to_owned).collect(),
        buckets: Vec::new(),
        series_max: Limit(series),
    };
    let map = |map: &str, access| MapAccess {
        map: map.to_owned(),
        access,
    };
    Handler {
        imports: ["emit", "map-lookup", "map-update"].map(host).into(),
        maps: vec![map("seen", Access::Read), map("wanted", Access::Write)],
        metrics: vec![metric("all", &[], 1000), metric("by_peer", &["peer"], 50)],
        call_ms_max: 20,
        ..Handler::of_world(&"1.4.0".parse().unwrap())
    }
}

fn grant(text: &str, asked: &Handler) -> Result<Grant, HandlerRefusal> {
    let policy: HandlerPolicy = toml::from_str(text).unwrap();
    policy.grant(&"acme/trace".parse().unwrap(), asked, Lane::Core)
}

/// What lets the handler of these tests pass.
const WRITABLE: &str = "maps_writable = [\"acme/*:wanted\"]\n";

#[test]
fn every_rule_lets_pass_and_refuses_and_says_both_values() {
    for (text, refusal) in [
        ("", None),
        (
            "allowed = false",
            Some((
                "handler",
                "it has a handler, and policy.handler.allowed is false",
            )),
        ),
        ("lanes = [\"core\"]", None),
        (
            "lanes = [\"component\"]",
            Some((
                "handler",
                "its handler is of the core lane; policy.handler.lanes allows component",
            )),
        ),
        ("imports = [\"emit\", \"map-*\"]", None),
        (
            "imports = [\"emit\", \"map-lookup\"]",
            Some((
                "handler.imports",
                "its handler imports map-update; policy.handler.imports allows emit, map-lookup",
            )),
        ),
        ("maps_readable = [\"acme/trace:seen\"]", None),
        (
            "maps_readable = [\"acme/trace:other\"]",
            Some((
                "handler.maps",
                "its handler asks to read acme/trace:seen; policy.handler.maps_readable allows \
                 acme/trace:other",
            )),
        ),
        ("call_ms_max = 20", None),
        (
            "call_ms_max = 19",
            Some((
                "handler.call_ms_max",
                "its handler asks for call_ms_max = 20; policy.handler.call_ms_max is 19",
            )),
        ),
        // A metric without labels has one series, whatever it says.
        ("series_max = 51", None),
        (
            "series_max = 50",
            Some((
                "handler.series_max",
                "its handler asks for series_max = 51; policy.handler.series_max is 50",
            )),
        ),
    ] {
        let told = grant(&format!("{WRITABLE}{text}"), &asked()).err();
        let told = told.map(|error| (error.field(), error.to_string()));
        let refusal = refusal.map(|(field, rule)| (field.to_owned(), rule.to_owned()));
        assert_eq!(told, refusal, "{text}");
    }
}

#[test]
fn maps_are_written_only_where_the_node_names_them() {
    let said = grant("", &asked()).unwrap_err().to_string();
    assert_eq!(
        said,
        "its handler asks to write acme/trace:wanted; policy.handler.maps_writable allows nothing"
    );
    let writable = "maps_writable = [\"acme/trace:*\"]\nmaps_readable = []";
    let granted = grant(writable, &asked()).unwrap();
    // What may be written may be read.
    assert_eq!(granted.maps["seen"], handler::grant::Access::Read);
    assert_eq!(granted.maps["wanted"], handler::grant::Access::Write);
}

#[test]
fn other_modules_are_named_whole() {
    let mut asked = asked();
    for import in [
        "other:pack/host@1.0.0#emit",
        "marrow:handler/host@2.0.0#emit",
    ] {
        asked.imports = vec![import.to_owned()];
        let text = format!("{WRITABLE}imports = [\"emit\"]");
        let said = grant(&text, &asked).unwrap_err().to_string();
        assert!(said.contains(import), "{said}");
    }
    asked.imports = vec!["marrow:handler/host@1.7.0#emit".to_owned()];
    let text = format!("{WRITABLE}imports = [\"emit\"]");
    assert!(grant(&text, &asked).is_ok());
}

#[test]
fn a_world_of_another_major_version_is_refused() {
    let mut asked = asked();
    asked.world = "marrow:handler@2.0.0".to_owned();
    let error = grant(WRITABLE, &asked).unwrap_err();
    assert_eq!(error.field(), "handler.world");
    assert_eq!(
        error.to_string(),
        "its handler is written for marrow:handler@2.0.0; this node runs marrow:handler@1.x"
    );
}

#[test]
fn a_limit_is_what_is_asked_for_and_a_lower_cap_takes_the_place_of_a_default() {
    let granted = grant(WRITABLE, &asked()).unwrap();
    assert_eq!(
        granted.limits,
        Limits {
            call_ms_max: 20,
            ..Limits::default()
        }
    );
    assert!(granted.imports.contains("emit") && granted.metrics.contains_key("by_peer"));
    let caps = format!(
        "{WRITABLE}memory_bytes_max = 65536\nstate_ms_max = 3\nstate_bytes_max = 4\n\
         emits_per_s_max = 5\nemit_bytes_per_s_max = 6\nlog_lines_per_s_max = 0"
    );
    assert_eq!(
        grant(&caps, &asked()).unwrap().limits,
        Limits {
            memory_bytes_max: 65536,
            call_ms_max: 20,
            state_ms_max: 3,
            state_bytes_max: 4,
            emits_per_s_max: 5,
            emit_bytes_per_s_max: 6,
            log_lines_per_s_max: 0,
        }
    );
}

/// Asks for another limit.
type Wish = fn(&mut Handler);

#[test]
fn each_limit_that_is_asked_for_has_a_cap_of_its_own() {
    let limits: [(&str, Wish); 7] = [
        ("memory_bytes_max", |asked| asked.memory_bytes_max = 70_000),
        ("call_ms_max", |asked| asked.call_ms_max = 7),
        ("state_ms_max", |asked| asked.state_ms_max = Limit(7)),
        ("state_bytes_max", |asked| asked.state_bytes_max = Limit(7)),
        ("emits_per_s_max", |asked| asked.emits_per_s_max = Limit(7)),
        ("emit_bytes_per_s_max", |asked| {
            asked.emit_bytes_per_s_max = Limit(7);
        }),
        ("log_lines_per_s_max", |asked| {
            asked.log_lines_per_s_max = Limit(7);
        }),
    ];
    for (name, wish) in limits {
        let mut asked = asked();
        asked.call_ms_max = payload::limits::HANDLER_CALL_MS_DEFAULT;
        wish(&mut asked);
        let number = if name == "memory_bytes_max" {
            70_000
        } else {
            7
        };
        let at = |cap: u64| grant(&format!("{WRITABLE}{name} = {cap}"), &asked);
        assert!(at(number).is_ok(), "{name}");
        assert_eq!(
            at(number - 1).unwrap_err(),
            HandlerRefusal::Limit {
                name,
                asked: number,
                cap: number - 1
            }
        );
    }
    for name in ["call_ms_max", "state_ms_max"] {
        // With that no call would end in time.
        assert!(toml::from_str::<HandlerPolicy>(&format!("{name} = 0")).is_err());
    }
}

#[test]
fn the_example_shows_the_defaults() {
    let example = include_str!("../../../example.toml");
    let (_, example) = example.split_once("[policy.handler]\n").unwrap();
    let (example, _) = example.split_once("\n[").unwrap_or((example, ""));
    let shown: Vec<&str> = example
        .lines()
        .map(|line| line.trim_start_matches("# "))
        .collect();
    let shown: HandlerPolicy = toml::from_str(&shown.join("\n")).unwrap();
    assert_eq!(shown, HandlerPolicy::default());
}
