//! Which deployments are taken: names and bounds, releases by state, settings by manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::desired::Offer;
use super::*;

fn spec() -> DeploymentSpec {
    DeploymentSpec {
        payload: "acme/execsnoop".into(),
        source: Source::Channel("stable".into()),
        selector: "env = prod,  !canary".into(),
        instance: None,
        globals: BTreeMap::new(),
        targets: BTreeMap::new(),
        rollout: None,
    }
}

fn checked(spec: DeploymentSpec) -> Result<Order, OrderError> {
    check(&"d".parse().unwrap(), spec)
}

fn standing(given: Result<Offer, Void>) -> Standing {
    let Order {
        deployment,
        spec,
        instance,
    } = checked(spec()).unwrap();
    let given = given.map(Arc::new);
    Standing {
        deployment,
        selector: spec.selector.parse().unwrap(),
        spec,
        instance,
        created_ms: 1,
        changed_ms: 1,
        aim: given.clone(),
        held: None,
        given,
        layers: Vec::new(),
        pins: BTreeMap::new(),
        wanted_bytes: 0,
    }
}

fn offer(state: ReleaseState) -> Offer {
    Offer {
        version: "1.0.0".parse().unwrap(),
        digest: "sha256:00".into(),
        size_bytes: 1,
        envelope: None,
        state,
        reason: String::new(),
    }
}

#[test]
fn an_order_names_its_instance_and_writes_its_selector_in_one_way() {
    let order = checked(spec()).unwrap();
    assert_eq!(order.instance, "execsnoop");
    assert_eq!(order.spec.instance.as_deref(), Some("execsnoop"));
    assert_eq!(order.spec.selector, "env=prod, !canary");
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_field() {
    type Breaks = fn(&mut DeploymentSpec);
    let cases: [(&str, Breaks); 8] = [
        ("payload", |spec| spec.payload = "../x".into()),
        ("source.version", |spec| {
            spec.source = Source::Version("1".into());
        }),
        ("source.channel", |spec| {
            spec.source = Source::Channel("a b".into());
        }),
        ("selector", |spec| spec.selector = "env=".into()),
        ("instance", |spec| spec.instance = Some("..".into())),
        ("globals", |spec| {
            spec.globals = (0..257)
                .map(|index| (index.to_string(), 1.into()))
                .collect();
        }),
        ("globals", |spec| {
            spec.globals = [("x".repeat(512), 1.into())].into();
        }),
        ("targets", |spec| {
            spec.targets = [("x".into(), "y".repeat(4353))].into();
        }),
    ];
    for (field, breaks) in cases {
        let mut spec = spec();
        breaks(&mut spec);
        let error = checked(spec).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(!error.is_conflict(), "{error}");
    }
}

#[test]
fn a_yanked_release_is_kept_by_those_that_use_it_and_given_to_no_other() {
    let yanked = standing(Ok(offer(ReleaseState::Yanked)));
    let error = check_given(&yanked, None).unwrap_err();
    assert!(
        error.is_conflict() && matches!(error, OrderError::Yanked { .. }),
        "{error}"
    );
    assert!(check_given(&yanked, Some(&yanked)).is_ok());
    let mut other = yanked.clone();
    other.spec.source = Source::Version("1.0.0".into());
    assert!(check_given(&yanked, Some(&other)).is_err());
}

#[test]
fn a_channel_may_come_later_and_a_version_may_not() {
    assert!(check_given(&standing(Ok(offer(ReleaseState::Available))), None).is_ok());
    let no_channel = Void::NoChannel {
        channel: "stable".into(),
    };
    assert!(check_given(&standing(Err(no_channel)), None).is_ok());
    let version = "1.0.0".to_owned();
    let minimum_version = "1.1.0".to_owned();
    for (void, conflict) in [
        (
            Void::NoRelease {
                version: "9.0.0".into(),
            },
            false,
        ),
        (
            Void::BelowFloor {
                version,
                minimum_version,
            },
            true,
        ),
        (
            Void::Revoked {
                version: "1.0.0".into(),
                reason: String::new(),
            },
            true,
        ),
    ] {
        let error = check_given(&standing(Err(void)), None).unwrap_err();
        assert_eq!(
            (error.field().as_str(), error.is_conflict()),
            ("source", conflict),
            "{error}"
        );
    }
}

#[test]
fn only_what_the_manifest_calls_settable_is_set() {
    let manifest: Manifest = serde_json::from_value(serde_json::json!({
        "format": 1, "name": "acme/execsnoop", "version": "1.0.0", "objects": [], "maps": [],
        "events": [],
        "programs": [
            {"name": "fixed", "section": "kprobe/a", "kind": "kprobe", "target": "a"},
            {"name": "free", "section": "kprobe/a", "kind": "kprobe", "target": "a",
             "target_settable": true},
        ],
        "globals": [
            {"name": "own", "section": ".data", "type": "int", "size_bytes": 4},
            {"name": "open", "section": ".rodata", "type": "int", "size_bytes": 4,
             "settable": true},
        ],
    }))
    .unwrap();
    let told = |globals: &[&str], targets: &[&str]| {
        let mut spec = spec();
        spec.globals = globals
            .iter()
            .map(|name| ((*name).to_owned(), 1.into()))
            .collect();
        spec.targets = targets
            .iter()
            .map(|name| ((*name).to_owned(), "b".to_owned()))
            .collect();
        check_settings(&spec, "1.0.0", &manifest).map_err(|error| error.to_string())
    };
    assert_eq!(told(&["open"], &["free"]), Ok(()));
    let refused = |text: &str| Err(text.to_owned());
    assert_eq!(
        told(&["own"], &[]),
        refused(
            "globals.own: the manifest of 1.0.0 does not let the value of this global variable be set"
        )
    );
    assert_eq!(
        told(&["x"], &[]),
        refused("globals.x: 1.0.0 has no global variable of that name")
    );
    assert_eq!(
        told(&[], &["fixed"]),
        refused(
            "targets.fixed: the manifest of 1.0.0 does not let the target of this program be set"
        )
    );
    assert_eq!(
        told(&[], &["x"]),
        refused("targets.x: 1.0.0 has no program of that name")
    );
}
