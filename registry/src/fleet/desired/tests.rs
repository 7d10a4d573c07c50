//! The rules of desired state: who wins, what gives nothing, the order, and the sentences.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::node::{InstanceState, Trust};
use api::problem::Problem;
use api::registry::{
    DeploymentSpec, Facts, InstanceCounts, InstanceReport, Outcome, OutcomeKind, ReleaseState,
    Source,
};
use proptest::prelude::*;

use super::*;

#[path = "tests/bounds.rs"]
mod bounds;

fn offer(version: &str, state: ReleaseState) -> Offer {
    Offer {
        version: version.parse().unwrap(),
        digest: format!("sha256:{version}"),
        size_bytes: 7,
        envelope: Some("{}".into()),
        state,
        reason: String::new(),
    }
}

/// A deployment of `acme/<instance>` by the channel `stable`, which names 1.0.0.
fn standing(deployment: &str, instance: &str, selector: &str, created_ms: u64) -> Standing {
    let spec = DeploymentSpec {
        payload: format!("acme/{instance}"),
        source: Source::Channel("stable".into()),
        selector: selector.into(),
        instance: Some(instance.into()),
        globals: BTreeMap::new(),
        targets: BTreeMap::new(),
        rollout: None,
    };
    Standing {
        deployment: deployment.into(),
        instance: instance.into(),
        selector: selector.parse().unwrap(),
        spec,
        created_ms,
        changed_ms: created_ms,
        aim: Ok(Arc::new(offer("1.0.0", ReleaseState::Available))),
        held: None,
        given: Ok(Arc::new(offer("1.0.0", ReleaseState::Available))),
        layers: Vec::new(),
        pins: BTreeMap::new(),
        wanted_bytes: 0,
    }
    .weighed()
}

fn void(mut standing: Standing) -> Standing {
    standing.given = Err(Void::NoChannel {
        channel: "stable".into(),
    });
    standing
}

fn facts() -> Facts {
    let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    Facts {
        kernel: "6.1.0".into(),
        labels,
        ..Facts::default()
    }
}

fn plan(standings: Vec<Standing>) -> Plan {
    plan_with(standings, &Floors::new())
}

fn plan_with(standings: Vec<Standing>, floors: &Floors) -> Plan {
    let mut standings: Vec<Arc<Standing>> = standings.into_iter().map(Arc::new).collect();
    by_age(&mut standings);
    Plan::of(
        Candidate {
            node: "web-1",
            facts: &facts(),
        },
        (&MarksByRollout::new(), &[]),
        &standings,
        floors,
    )
}

fn instances(plan: &Plan) -> Vec<(String, String)> {
    plan.wanted()
        .into_iter()
        .map(|wanted| (wanted.instance, wanted.deployment))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

fn report(instance: &str, version: &str, managed: bool) -> InstanceReport {
    InstanceReport {
        instance: instance.into(),
        payload: format!("acme/{instance}"),
        version: Some(version.into()),
        digest: format!("sha256:{version}"),
        generation: 1,
        state: InstanceState::Running,
        trust: Trust::Signed,
        managed,
        started_ms: 1,
        counts: InstanceCounts::default(),
        watched: false,
        since_flip: api::registry::SinceFlip::default(),
    }
}

#[test]
fn a_node_is_given_what_names_it_by_instance() {
    let plan = plan(vec![
        standing("b", "tcptop", "*", 1),
        standing("a", "execsnoop", "env=prod", 2),
        standing("c", "other", "env=test", 3),
    ]);
    assert_eq!(
        instances(&plan),
        pairs(&[("execsnoop", "a"), ("tcptop", "b")])
    );
}

#[test]
fn the_older_deployment_wins_an_instance_and_the_name_breaks_a_tie() {
    let older = plan(vec![standing("a", "x", "*", 2), standing("b", "x", "*", 1)]);
    assert_eq!(instances(&older), pairs(&[("x", "b")]));
    let tie = plan(vec![standing("b", "x", "*", 1), standing("a", "x", "*", 1)]);
    assert_eq!(instances(&tie), pairs(&[("x", "a")]));
    assert_eq!(tie.claims()[1].verdict, Verdict::Loses { to: "a".into() });
}

#[test]
fn a_void_deployment_gives_nothing_and_keeps_its_instance() {
    let plan = plan(vec![
        void(standing("a", "x", "*", 1)),
        standing("b", "x", "*", 2),
    ]);
    assert_eq!(instances(&plan), []);
}

#[test]
fn more_instances_than_a_node_may_have_are_left_out_youngest_first() {
    let many = (0..=INSTANCES_MAX as u64)
        .rev()
        .map(|index| standing(&format!("d{index}"), &format!("i{index}"), "*", index));
    let plan = plan(many.collect());
    assert_eq!(plan.wanted().len(), INSTANCES_MAX);
    let last = plan.claims().last().unwrap();
    assert_eq!(
        (last.standing.deployment.as_str(), &last.verdict),
        ("d256", &Verdict::Crowded)
    );
}

#[test]
fn releases_are_given_as_their_state_and_floor_say() {
    let floor = StandingFloor {
        minimum_version: "1.1.0".parse().unwrap(),
        envelope: String::new(),
    };
    let channel = Source::Channel("stable".into());
    let give = |version: &str, state, floor| {
        let release = Some(offer(version, state));
        Ingredients {
            version: Some(version.into()),
            release,
            floor,
        }
        .give(&channel)
    };
    assert!(give("1.0.0", ReleaseState::Available, None).is_ok());
    assert!(give("1.0.0", ReleaseState::Yanked, None).is_ok());
    assert!(give("1.1.0", ReleaseState::Available, Some(&floor)).is_ok());
    let below = give("1.1.0-rc.1", ReleaseState::Available, Some(&floor)).unwrap_err();
    assert_eq!(
        below.to_string(),
        "1.1.0-rc.1 is below the floor: its publisher lets nothing older than 1.1.0 run"
    );
    let revoked = give("1.2.0", ReleaseState::Revoked, Some(&floor)).unwrap_err();
    assert_eq!(revoked.to_string(), "1.2.0 is revoked");
    let absent = |version: Option<&str>, source: &Source| {
        let version = version.map(str::to_owned);
        Ingredients {
            version,
            release: None,
            floor: None,
        }
        .give(source)
        .unwrap_err()
        .to_string()
    };
    assert_eq!(absent(None, &channel), "there is no channel stable");
    let fixed = Source::Version("9.0.0".into());
    assert_eq!(absent(Some("9.0.0"), &fixed), "there is no release 9.0.0");
}

#[test]
fn floors_of_named_payloads_go_along_even_where_nothing_is_given() {
    let floor = |text: &str| StandingFloor {
        minimum_version: "1.0.0".parse().unwrap(),
        envelope: text.into(),
    };
    let floors = Floors::from([
        ("acme/x".to_owned(), floor("of x")),
        ("acme/y".to_owned(), floor("of y")),
        ("acme/z".to_owned(), floor("of z")),
    ]);
    let plan = plan(vec![
        standing("b", "y", "*", 1),
        void(standing("a", "x", "*", 2)),
    ]);
    let desired = plan.desired("web-1", 30_000, &floors);
    assert_eq!(desired.floors, ["of x", "of y"]);
    assert_eq!((desired.node.as_str(), desired.poll_ms), ("web-1", 30_000));
}

#[test]
fn settled_means_exactly_what_is_wanted() {
    let plan = plan(vec![standing("a", "x", "*", 1), standing("b", "y", "*", 2)]);
    let x = || report("x", "1.0.0", true);
    let y = || report("y", "1.0.0", true);
    for (running, expected) in [
        (vec![x(), y()], true),
        (vec![x(), y(), report("mine", "1.0.0", false)], true),
        (vec![x()], false),
        (vec![x(), report("y", "0.9.0", true)], false),
        (vec![x(), report("y", "1.0.0", false)], false),
        (vec![x(), y(), report("left", "1.0.0", true)], false),
    ] {
        assert_eq!(plan.settled(&running), expected, "{running:?}");
    }
}

#[test]
fn a_rival_is_one_that_wants_the_instance_on_the_same_node() {
    let (prod, mut test) = (facts(), facts());
    test.labels.insert("env".into(), "test".into());
    let nodes = [("p", &prod), ("t", &test)];
    let nodes = nodes.iter().map(|(node, facts)| Candidate { node, facts });
    let standings: Vec<Arc<Standing>> = vec![
        Arc::new(standing("a", "x", "env=prod", 1)),
        Arc::new(standing("b", "y", "*", 2)),
    ];
    let against = |deployment: &str, instance: &str, selector: &str| {
        let new = standing(deployment, instance, selector, 3);
        rival(&new, &standings, &nodes).map(|(other, node)| (other.deployment.clone(), node))
    };
    assert_eq!(against("c", "x", "*"), Some(("a".into(), "p")));
    assert_eq!(against("c", "x", "env=test"), None);
    assert_eq!(against("c", "z", "*"), None);
    assert_eq!(against("c", "y", "env=test"), Some(("b".into(), "t")));
    // A deployment is no rival of itself.
    assert_eq!(against("a", "x", "*"), None);
}

fn because(plan: &Plan, running: &[InstanceReport], latest: &[Outcome], online: bool) -> String {
    let circumstances = Circumstances {
        running,
        latest,
        online,
        poll_ms: 30_000,
        node: "web-1",
        marks: &MarksByRollout::new(),
        now_ms: 0,
    };
    let explained = explain(plan, circumstances);
    assert_eq!(explained.len(), 1, "{explained:?}");
    explained[0].because.join(" ")
}

#[test]
fn explain_tells_the_way_from_deployment_to_version() {
    let for_all = "Deployment a is for `*`, which holds for this node, and follows the channel \
                   stable of acme/x.";
    let one = plan(vec![standing("a", "x", "*", 1)]);
    let next = "It asks what to run when the doorbell rings, and every 30 s.";
    assert_eq!(
        because(&one, &[report("x", "1.0.0", true)], &[], true),
        format!("{for_all} That channel names 1.0.0 now. The node runs it.")
    );
    assert_eq!(
        because(&one, &[report("x", "0.9.0", true)], &[], true),
        format!(
            "{for_all} That channel names 1.0.0 now. The node runs 0.9.0; 1.0.0 takes its place. \
             {next}"
        )
    );
    assert_eq!(
        because(&one, &[], &[], false),
        format!(
            "{for_all} That channel names 1.0.0 now. The node does not run it yet; 1.0.0 starts. \
             It was not heard within three of its poll intervals: it acts when it is back."
        )
    );
    let gone = plan(vec![void(standing("a", "x", "*", 1))]);
    assert_eq!(
        because(&gone, &[report("x", "1.0.0", true)], &[], true),
        format!(
            "{for_all} It gives nothing: there is no channel stable. The node still runs 1.0.0 \
             and stops it. {next}"
        )
    );
}

#[test]
fn explain_tells_who_lost_and_whom_the_registry_leaves_alone() {
    let two = plan(vec![
        standing("a", "x", "*", 1),
        standing("b", "x", "env", 2),
    ]);
    let told = because(&two, &[], &[], true);
    assert!(told.contains("Deployment b is for `env`"), "{told}");
    assert!(
        told.contains("Deployment a is older and has this instance."),
        "{told}"
    );
    assert_eq!(
        because(&plan(vec![]), &[report("x", "1.0.0", false)], &[], true),
        "Somebody on the node started it; the registry leaves it alone."
    );
}

#[test]
fn explain_tells_a_refusal_only_of_the_file_that_should_run() {
    let one = plan(vec![standing("a", "x", "*", 1)]);
    let mut outcome = Outcome {
        serial: 1,
        at_ms: 1,
        instance: "x".into(),
        kind: OutcomeKind::LoadRejected,
        payload: "acme/x".into(),
        version: Some("1.0.0".into()),
        digest: "sha256:1.0.0".into(),
        proof: None,
        problem: Some(Box::new(Problem::new(422, "refused", "program a: no"))),
        rollout: None,
        staging: false,
    };
    let refused = "The node does not run it. The node refused 1.0.0: it could not load it: \
                   refused: program a: no.";
    assert!(because(&one, &[], std::slice::from_ref(&outcome), true).ends_with(refused));
    outcome.digest = "sha256:other".into();
    assert!(!because(&one, &[], &[outcome], true).contains("could not load"));
}

proptest! {
    #[test]
    fn the_order_of_reading_changes_nothing(
        seed in prop::collection::vec((0_u64..4, 0_usize..4, any::<bool>()), 0..12),
        turn in 0_usize..12,
    ) {
        let mut standings: Vec<Standing> = seed
            .iter()
            .enumerate()
            .map(|(index, (created_ms, instance, gives))| {
                let one = standing(&format!("d{index}"), &format!("i{instance}"), "*", *created_ms);
                if *gives { one } else { void(one) }
            })
            .collect();
        let first = plan(standings.clone());
        let middle = turn.min(standings.len());
        standings.rotate_left(middle);
        let second = plan(standings);
        prop_assert_eq!(&first, &second);
        let desired = first.desired("web-1", 1, &Floors::new());
        let names: Vec<&String> = desired.instances.iter().map(|one| &one.instance).collect();
        prop_assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "sorted, one each");
        // Every deployment that names the node is accounted for.
        prop_assert_eq!(first.claims().len(), seed.len());
    }
}
