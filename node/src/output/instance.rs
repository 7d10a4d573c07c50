//! Instances as tables that a person reads, and the sums of one that has ended.
//! Used by `status`, `pause`, `resume` and the foreground commands.
//! Must never leave out a count that says that something was lost.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use api::node::{Counts, HandlerStand, HookState, Instance, InstanceState, Owner};

use super::proof::measured;
use super::table::{clean, row, table};

/// One line an instance.
pub(super) fn list(instances: &[Instance]) -> String {
    if instances.is_empty() {
        return "nothing runs here\n".to_owned();
    }
    let mut rows = vec![row([
        "id",
        "instance",
        "state",
        "generation",
        "payload",
        "events",
        "lost (kernel + sinks)",
        "started by",
    ])];
    for instance in instances {
        rows.push(row([
            &instance.id.to_string(),
            &instance.name,
            &state_and_watch(instance),
            &instance.generation.to_string(),
            &payload(instance),
            &instance.counts.accepted.to_string(),
            &all_lost(&instance.counts),
            &owner(&instance.owner),
        ]));
    }
    table("", &rows)
}

/// Everything about one instance.
pub(super) fn one(instance: &Instance) -> String {
    let counts = &instance.counts;
    let mut text = table(
        "",
        &[
            row([
                "instance",
                &format!("{} (id {})", instance.name, instance.id),
            ]),
            row(["state", state(instance.state)]),
            row(["payload", &payload(instance)]),
            row(["digest", &instance.digest]),
            row(["signed by", &signers(instance)]),
            row(["started by", &owner(&instance.owner)]),
            row(["generation", &instance.generation.to_string()]),
            row(["watched", &watch(instance)]),
            row(["staged", &staged(instance)]),
            row(["handler", &handler(instance)]),
            row(["events", &sums(counts)]),
        ],
    );
    let mut hooks = vec![row([
        "program",
        "kind",
        "target",
        "strategy",
        "state",
        "fell through",
    ])];
    for hook in &instance.hooks {
        let through = hook.falls_through.to_string();
        hooks.push(row([
            &hook.program,
            &hook.kind,
            &hook.target,
            &hook.strategy,
            hook_state(hook.state),
            &through,
        ]));
    }
    let mut buffers = vec![row(["buffer", "kind", "bytes", "event"])];
    for buffer in &instance.buffers {
        let event = buffer.event.as_deref().unwrap_or("raw bytes");
        buffers.push(row([
            &buffer.map,
            &buffer.kind,
            &buffer.size_bytes.to_string(),
            event,
        ]));
    }
    for rows in [hooks, buffers] {
        if rows.len() > 1 {
            text.push('\n');
            text.push_str(&table("  ", &rows));
        }
    }
    text
}

/// What an instance did, when it has ended.
pub(super) fn summary(instance: &Instance) -> String {
    format!(
        "{}: stopped in generation {}; {}\n",
        clean(&instance.name),
        instance.generation,
        sums(&instance.counts)
    )
}

fn sums(counts: &Counts) -> String {
    let mut text = format!(
        "{} accepted, {} decoded, {} malformed, {} lost in the kernel",
        counts.accepted,
        counts.decoded,
        counts.malformed,
        measured(counts.kernel_lost),
    );
    if counts.handled + counts.skipped + counts.emitted > 0 {
        let _ = write!(
            text,
            "; {} handled, {} skipped, {} outputs of the handler",
            counts.handled, counts.skipped, counts.emitted
        );
    }
    for sink in &counts.sinks {
        let _ = write!(
            text,
            "; {}: {} delivered, {} lost in its queue, {} lost in it",
            clean(&sink.sink),
            sink.delivered,
            sink.lost_in_queue,
            sink.lost_in_sink
        );
    }
    text
}

/// What the handler does, and what became of what it was given.
fn handler(instance: &Instance) -> String {
    let Some(handler) = &instance.handler else {
        return "none: events are decoded".to_owned();
    };
    let stand = match handler.stand {
        HandlerStand::Works => "works",
        HandlerStand::Probation => "on probation: what it puts out is held back",
        HandlerStand::Rests => "rests: events are decoded until it is tried again",
        HandlerStand::Quarantined => "given up: events are decoded",
    };
    let mut text = format!(
        "{} lane, {stand}; {} faults",
        clean(&handler.lane),
        handler.faults
    );
    if let Some(fault) = &handler.last_fault {
        let _ = write!(text, ", the last: {}", clean(fault));
    }
    for (count, word) in [
        (handler.emits_refused, "outputs refused"),
        (handler.growths_refused, "times more memory refused"),
        (handler.log_dropped, "lines of its log dropped"),
        (handler.state_bytes, "bytes of state"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {count} {word}");
        }
    }
    text
}

/// In the kernel, and in all sinks together.
fn all_lost(counts: &Counts) -> String {
    let in_sinks: u64 = counts
        .sinks
        .iter()
        .map(|sink| sink.lost_in_queue + sink.lost_in_sink)
        .sum();
    format!("{} + {in_sinks}", measured(counts.kernel_lost))
}

fn state(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Running => "running",
        InstanceState::Paused => "paused",
    }
}

/// The state in a list: whether the generation in charge is watched, and whether one is staged.
fn state_and_watch(instance: &Instance) -> String {
    let mut text = state(instance.state).to_owned();
    if instance.watch.is_some() {
        text.push_str(", watched");
    }
    if instance.staged.is_some() {
        text.push_str(", staged");
    }
    text
}

fn watch(instance: &Instance) -> String {
    match (&instance.watch, &instance.rolled_back) {
        (Some(watch), _) => {
            let until = watch.until_ms.map_or_else(
                || "longer, as it is paused".to_owned(),
                |until_ms| format!("until {}", time(until_ms)),
            );
            let before = watch.before.generation;
            format!("{until}; generation {before} is still loaded")
        }
        (None, Some(reason)) => format!("no: gone back to by itself: {reason}"),
        (None, None) => "no".to_owned(),
    }
}

fn staged(instance: &Instance) -> String {
    let Some(staged) = &instance.staged else {
        return "nothing".to_owned();
    };
    let version = staged.version.as_deref().unwrap_or(&staged.digest);
    let at = staged.at_ms.map_or_else(
        || "until `node flip`".to_owned(),
        |at_ms| format!("until {}", time(at_ms)),
    );
    format!("{} {version}, {at}", staged.payload)
}

fn time(ms: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(ms));
    time.map_or_else(
        || format!("{ms} ms since 1970"),
        |time| humantime::format_rfc3339_seconds(time).to_string(),
    )
}

fn hook_state(state: HookState) -> &'static str {
    match state {
        HookState::Attached => "attached",
        HookState::Detached => "detached",
        HookState::Gone => "gone",
    }
}

fn owner(owner: &Owner) -> String {
    match owner {
        Owner::Local => "this machine".to_owned(),
        Owner::Registry { deployment } => format!("deployment {deployment}"),
    }
}

fn signers(instance: &Instance) -> String {
    if instance.signers.is_empty() {
        return "nobody".to_owned();
    }
    instance.signers.join(", ")
}

fn payload(instance: &Instance) -> String {
    let version = instance.version.as_deref();
    version.map_or_else(
        || instance.payload.clone(),
        |v| format!("{} {v}", instance.payload),
    )
}

#[cfg(test)]
mod tests {
    use api::node::{Measured, SinkCounts, Trust};

    use super::*;

    fn instance() -> Instance {
        Instance {
            id: 3,
            name: "trace".into(),
            payload: "local/execsnoop".into(),
            version: Some("1.2.0".into()),
            digest: "sha256:00".into(),
            generation: 2,
            state: InstanceState::Paused,
            watch: None,
            staged: None,
            rolled_back: None,
            trust: Trust::Unsigned,
            signers: Vec::new(),
            owner: Owner::Local,
            hooks: Vec::new(),
            buffers: Vec::new(),
            handler: None,
            counts: Counts {
                accepted: 9,
                kernel_lost: Measured::Known(4),
                sinks: vec![SinkCounts {
                    sink: "stdout".into(),
                    delivered: 8,
                    lost_in_queue: 1,
                    lost_in_sink: 0,
                }],
                ..Counts::default()
            },
            started_ms: 0,
        }
    }

    #[test]
    fn a_list_has_a_line_an_instance() {
        let text = list(&[instance()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            lines[1],
            "3   trace     paused  2           local/execsnoop 1.2.0  9       4 + 1                  this machine"
        );
        assert_eq!(list(&[]), "nothing runs here\n");
    }

    #[test]
    fn the_summary_names_every_loss() {
        let text = summary(&instance());
        assert!(
            text.contains("9 accepted")
                && text.contains("4 lost in the kernel; stdout: 8 delivered, 1")
        );
        let unknown = Instance {
            counts: Counts::default(),
            ..instance()
        };
        assert!(summary(&unknown).contains("unknown lost in the kernel"));
    }
}
