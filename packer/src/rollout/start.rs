//! `packer rollout start` and `dry-run`. Called by `rollout`.
//! Must never start what was only to be looked at.

use api::registry::{DryRun, DryWave, RolloutPlan, StartRollout};

use super::view::Form;
use super::{watch, words};
use crate::cli::{DryRunArguments, RolloutArguments, StartArguments};
use crate::failure::Failure;
use crate::output;
use crate::plan;
use crate::registry::Registry;
use crate::table::{Text, grouped, row};

/// The most nodes of a wave, or that are left out, that are named.
const NODES_SHOWN_MAX: usize = 20;

/// Starts a rollout, and watches it where that is wanted.
pub(super) fn start(arguments: &StartArguments, clock_ms: fn() -> u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let start = asked(&registry, &arguments.rollout, clock_ms())?;
    let rollout = registry.ask(registry.client().start_rollout(&start))?;
    let number = rollout.rollout;
    if arguments.watch {
        let form = Form::of(arguments.json);
        return watch::watch(&registry, number, form, false, clock_ms);
    }
    output::shown(arguments.json, &rollout, || {
        format!("{}\n", words::line(&rollout))
    })?;
    if !arguments.json {
        output::note(&format!(
            "`packer rollout watch {number}` shows how it goes on"
        ));
    }
    Ok(())
}

/// Shows what a rollout would do.
pub(super) fn dry_run(arguments: &DryRunArguments, now_ms: u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let start = asked(&registry, &arguments.rollout, now_ms)?;
    let dry = registry.ask(registry.client().dry_run(&start))?;
    output::shown(arguments.json, &dry, || text(&dry, &start))?;
    Ok(())
}

/// What the command line asks for. Without a plan there, the registry takes the deployment's.
fn asked(
    registry: &Registry,
    arguments: &RolloutArguments,
    now_ms: u64,
) -> Result<StartRollout, Failure> {
    let options = &arguments.plan;
    let flip_at_ms = arguments.flip_at.map(|when| when.ms(now_ms));
    let plan = if options.says_something() || flip_at_ms.is_some() {
        let base = match options.file()? {
            Some(plan) => plan,
            None => usual(registry, arguments)?,
        };
        let mut plan = options.over(base)?;
        if let Some(flip_at_ms) = flip_at_ms {
            plan::at_once(&mut plan, flip_at_ms, options.waves.is_some());
        }
        Some(plan)
    } else {
        None
    };
    Ok(StartRollout {
        deployment: arguments.deployment.to_string(),
        version: arguments.version.as_ref().map(ToString::to_string),
        plan,
        start_at_ms: arguments.start_at.map(|when| when.ms(now_ms)),
        supersede: arguments.supersede,
    })
}

/// How the deployment moves when nobody says otherwise.
fn usual(registry: &Registry, arguments: &RolloutArguments) -> Result<RolloutPlan, Failure> {
    let name = arguments.deployment.as_str();
    let deployment = registry.ask(registry.client().deployment(name))?;
    Ok(deployment.spec.rollout.unwrap_or_default())
}

fn text(dry: &DryRun, start: &StartRollout) -> String {
    let mut text = Text::default();
    let moves = match &dry.from {
        Some(from) => format!("{from} → {}", dry.to),
        None => dry.to.clone(),
    };
    text.lines(
        "",
        &format!("{}: {moves}; nothing is changed", start.deployment),
    );
    let rows = dry.waves.iter().enumerate().map(|(index, wave)| {
        let (count, online) = (grouped(wave.count), grouped(wave.online));
        row([&(index + 1).to_string(), &count, &online, &named(wave)])
    });
    text.table(["wave", "nodes", "online", "which"], rows.collect());
    let left_out = dry.left_out.iter().take(NODES_SHOWN_MAX);
    text.list(
        "left out",
        left_out.map(|(node, because)| row([node, because])),
    );
    more(&mut text, dry.left_out.len());
    text.lines("", &format!("salt {}", dry.salt));
    text.into_string()
}

fn more(text: &mut Text, found: usize) {
    let more = found.saturating_sub(NODES_SHOWN_MAX);
    if more > 0 {
        text.lines("  ", &format!("and {more} more: --json names them"));
    }
}

/// `web-1, web-7 and 12 more`.
fn named(wave: &DryWave) -> String {
    let named: Vec<&str> = wave
        .nodes
        .iter()
        .take(NODES_SHOWN_MAX)
        .map(String::as_str)
        .collect();
    match wave.count.saturating_sub(named.len() as u64) {
        0 => named.join(", "),
        more => format!("{} and {} more", named.join(", "), grouped(more)),
    }
}
