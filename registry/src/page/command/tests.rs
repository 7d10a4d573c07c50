//! Commands, held to examples that `packer` reads, too.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

/// A line of `commands.txt`.
#[derive(Deserialize)]
struct Example {
    /// Whether the deployment has a template of its own.
    template: bool,
    asked: StartRollout,
    command: String,
}

#[test]
fn commands_are_those_that_packer_is_tested_with() {
    let lines = include_str!("commands.txt").lines();
    let examples = lines.filter(|line| !line.starts_with('#'));
    let mut told = 0;
    for line in examples {
        let example: Example = serde_json::from_str(line).unwrap();
        let template = example.template.then(RolloutPlan::default);
        assert_eq!(start(&example.asked, template.as_ref()), example.command);
        told += 1;
    }
    assert!(told >= 8);
}

#[test]
fn no_word_is_anything_else_to_a_shell() {
    for (text, quoted) in [
        ("web-1", "web-1"),
        ("", "''"),
        ("env=prod, kernel>=5.15", "'env=prod, kernel>=5.15'"),
        ("*", "'*'"),
        ("!a", "'!a'"),
        ("it's", "'it'\\''s'"),
        ("$(reboot)", "'$(reboot)'"),
        ("a\nb", "'a\nb'"),
        ("~", "'~'"),
        ("a;b", "'a;b'"),
    ] {
        assert_eq!(word(text), quoted);
    }
}

#[test]
fn a_deployment_is_made_again_by_its_command() {
    let spec = DeploymentSpec {
        payload: "acme/a".into(),
        source: Source::Channel("stable".into()),
        selector: "env=prod, !x".into(),
        instance: Some("a".into()),
        globals: BTreeMap::from([("only".to_owned(), serde_json::json!("a b"))]),
        targets: BTreeMap::from([("p".to_owned(), "/lib/x:open".to_owned())]),
        rollout: None,
    };
    assert_eq!(
        deploy("d", &spec),
        "packer deploy d --payload acme/a --channel stable --selector 'env=prod, !x' --instance a \
         --set 'only=\"a b\"' --target p=/lib/x:open"
    );
    let by_rollout = DeploymentSpec {
        rollout: Some(RolloutPlan::default()),
        globals: BTreeMap::new(),
        targets: BTreeMap::new(),
        ..spec
    };
    let command = deploy("d", &by_rollout);
    assert!(
        command.contains("--instance a --by-rollout --waves 1%,10%,50%,100% --bake 1m"),
        "{command}"
    );
}
