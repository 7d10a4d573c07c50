//! `packer deploy`, `undeploy` and `deployments`. Called by `main`.
//! Must never send a value other than the one that was typed.

use std::collections::BTreeMap;

use api::registry::{
    Deployment, DeploymentSpec, DeploymentState, Deployments, RolloutPlan, Source,
};
use serde_json::Value;

use crate::cli::{DeployArguments, DeploymentsArguments, UndeployArguments};
use crate::envelope;
use crate::failure::Failure;
use crate::moment;
use crate::output;
use crate::pair;
use crate::plan::{self, PlanError};
use crate::registry::Registry;
use crate::summary;
use crate::table::{Text, row};

/// Makes or replaces a deployment.
pub(crate) fn deploy(arguments: &DeployArguments, now_ms: u64) -> Result<(), Failure> {
    let spec = spec(arguments)?;
    let registry = Registry::connect(&arguments.registry)?;
    let name = arguments.deployment.as_str();
    let (new, deployment) = registry.ask(registry.client().put_deployment(name, &spec))?;
    output::shown(arguments.json, &deployment, || one(&deployment, now_ms))?;
    if let Some(rollout) = deployment.rollout {
        output::note(&format!(
            "rollout {rollout} moves it: `packer rollout watch {rollout}` shows how"
        ));
    }
    if !new {
        output::note(&format!("{name} was there already, and is as it says now"));
    }
    Ok(())
}

fn spec(arguments: &DeployArguments) -> Result<DeploymentSpec, Failure> {
    let version = arguments.version.as_ref();
    // One of the two is there: `cli` demands it.
    let source = match (version, &arguments.channel) {
        (Some(version), _) => Source::Version(version.to_string()),
        (None, channel) => {
            let channel = channel.as_ref().map(ToString::to_string);
            Source::Channel(channel.unwrap_or_default())
        }
    };
    let globals = pair::by_name("set", &arguments.set)?;
    let globals = globals.into_iter().map(|(name, text)| (name, value(text)));
    Ok(DeploymentSpec {
        payload: arguments.payload.to_string(),
        source,
        selector: arguments.selector.clone(),
        instance: arguments.instance.as_ref().map(ToString::to_string),
        globals: globals.collect::<BTreeMap<String, Value>>(),
        targets: pair::by_name("target", &arguments.target)?,
        rollout: template(arguments)?,
    })
}

/// How it moves to other releases; nothing where that is at once.
fn template(arguments: &DeployArguments) -> Result<Option<RolloutPlan>, PlanError> {
    if !arguments.by_rollout {
        return Ok(None);
    }
    let options = &arguments.plan;
    let base = options.file()?.unwrap_or_default();
    options.over(base).map(Some)
}

/// JSON where it is JSON, else text: `7`, `true`, `[1,2]`, `eth0`.
fn value(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// Ends a deployment.
pub(crate) fn undeploy(arguments: &UndeployArguments) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let name = arguments.deployment.as_str();
    registry.ask(registry.client().delete_deployment(name))?;
    output::note(&format!(
        "{name} is no deployment any more: its nodes stop the instance"
    ));
    Ok(())
}

/// Shows deployments, or one.
pub(crate) fn show(arguments: &DeploymentsArguments, now_ms: u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let client = registry.client();
    if let Some(name) = &arguments.deployment {
        let deployment = registry.ask(client.deployment(name.as_str()))?;
        output::shown(arguments.json, &deployment, || one(&deployment, now_ms))?;
        return Ok(());
    }
    let deployments = registry.every(|after| async move {
        let page = client.deployments(after.as_deref()).await?;
        Ok((page.deployments, page.next))
    })?;
    let none = deployments.is_empty();
    let deployments = Deployments {
        deployments,
        next: None,
    };
    output::shown(arguments.json, &deployments, || {
        every(&deployments.deployments, now_ms)
    })?;
    if none && !arguments.json {
        output::note("no deployments yet: `packer deploy` makes one");
    }
    Ok(())
}

fn every(deployments: &[Deployment], now_ms: u64) -> String {
    let names = [
        "deployment",
        "payload",
        "gives",
        "selector",
        "running",
        "moves",
        "changed",
    ];
    let rows = deployments.iter().map(|deployment| {
        row([
            &deployment.deployment,
            &deployment.spec.payload,
            &gives(deployment),
            &deployment.spec.selector,
            &running(deployment),
            &moves(deployment),
            &moment::relative(now_ms, deployment.changed_ms),
        ])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut text = Text::default();
    if !rows.is_empty() {
        text.table(names, rows);
    }
    text.into_string()
}

/// `1.0.0`, `1.0.0 (stable)`, `nothing (stable)`.
fn gives(deployment: &Deployment) -> String {
    let version = match &deployment.release {
        DeploymentState::Active { version, .. } => version,
        DeploymentState::Void { .. } => "nothing",
    };
    match &deployment.spec.source {
        Source::Version(_) => version.to_owned(),
        Source::Channel(channel) => format!("{version} ({channel})"),
    }
}

fn running(deployment: &Deployment) -> String {
    let (running, nodes) = (deployment.running, deployment.nodes);
    match deployment.refused {
        0 => format!("{running} of {nodes} nodes"),
        refused => format!("{running} of {nodes} nodes, {refused} refused it"),
    }
}

/// `by rollout 12`, `by rollouts`, `at once`.
fn moves(deployment: &Deployment) -> String {
    match (deployment.rollout, &deployment.spec.rollout) {
        (Some(rollout), _) => format!("by rollout {rollout}"),
        (None, Some(_)) => "by rollouts".to_owned(),
        (None, None) => "at once".to_owned(),
    }
}

fn one(deployment: &Deployment, now_ms: u64) -> String {
    let spec = &deployment.spec;
    let mut rows = vec![
        row(["deployment", &deployment.deployment]),
        row(["payload", &spec.payload]),
        row(["gives", &gives(deployment)]),
    ];
    match &deployment.release {
        DeploymentState::Active { digest, .. } => {
            rows.push(row(["digest", envelope::short(digest)]));
        }
        DeploymentState::Void { reason } => rows.push(row(["because", reason])),
    }
    rows.push(row(["selector", &spec.selector]));
    if let Some(instance) = &spec.instance {
        rows.push(row(["instance", instance]));
    }
    rows.push(row(["running", &running(deployment)]));
    rows.push(row(["moves", &moves(deployment)]));
    let plan = spec.rollout.as_ref().map(plan::words);
    summary::push_all(&mut rows, "plan", plan.unwrap_or_default());
    let globals = spec.globals.iter();
    let globals = globals.map(|(name, value)| format!("{name} = {value}"));
    summary::push_all(&mut rows, "globals", globals);
    let targets = spec.targets.iter();
    let targets = targets.map(|(program, target)| format!("{program} at {target}"));
    summary::push_all(&mut rows, "targets", targets);
    let changed = moment::relative(now_ms, deployment.changed_ms);
    rows.push(row(["changed", &changed]));
    summary::text(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_where_they_can_be() {
        for (text, json) in [
            ("7", "7"),
            ("true", "true"),
            ("[1,2]", "[1,2]"),
            ("\"7\"", "\"7\""),
            ("eth0", "\"eth0\""),
            ("", "\"\""),
        ] {
            assert_eq!(value(text.to_owned()).to_string(), json, "{text}");
        }
    }
}
