//! `GET /metrics`: the counters of every instance, and of the fleet, in Prometheus' text format (version 0.0.4).
//! Called by monitoring.
//! Must never write a number where the truth is "unknown": the sample is left out instead.

use std::fmt::Write;

use api::node::{Counts, HandlerStand, Instance, InstanceState, Measured, SinkCounts};
use axum::extract::State as Shared;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::State;

mod fleet;
mod handlers;

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Takes one count of a sink.
type ReadSink = fn(&SinkCounts) -> u64;

/// One metric: name, type, help, and its value for an instance.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Instance) -> Option<u64>,
}

const METRICS: [Metric; 15] = [
    gauge(
        "marrow_instance_running",
        "1 when its programs run, 0 when it is paused.",
        |instance| Some(u64::from(instance.state == InstanceState::Running)),
    ),
    gauge(
        "marrow_instance_generation",
        "The generation in charge; an update adds one.",
        |i| Some(i.generation),
    ),
    gauge(
        "marrow_instance_hooks",
        "Hooks that a switch is attached to.",
        |i| u64::try_from(i.hooks.len()).ok(),
    ),
    gauge(
        "marrow_instance_started_ms",
        "When it was started, milliseconds since 1970.",
        |i| Some(i.started_ms),
    ),
    counter(
        "marrow_events_accepted_total",
        "Records the kernel handed over.",
        |i| Some(i.counts.accepted),
    ),
    counter(
        "marrow_events_decoded_total",
        "Records turned into an output.",
        |i| Some(i.counts.decoded),
    ),
    counter(
        "marrow_events_malformed_total",
        "Records too short for their struct.",
        |i| Some(i.counts.malformed),
    ),
    counter(
        "marrow_events_handled_total",
        "Records a handler took.",
        |i| Some(i.counts.handled),
    ),
    counter(
        "marrow_events_skipped_total",
        "Records a handler failed on, and was not given again.",
        |i| Some(i.counts.skipped),
    ),
    counter(
        "marrow_handler_emitted_total",
        "Outputs that handlers put out.",
        |i| Some(i.counts.emitted),
    ),
    counter(
        "marrow_handler_faults_total",
        "Calls that failed of the handler in charge.",
        |i| Some(i.handler.as_ref()?.faults),
    ),
    counter(
        "marrow_handler_emits_refused_total",
        "Outputs of the handler in charge beyond its limits, or of no use.",
        |i| Some(i.handler.as_ref()?.emits_refused),
    ),
    counter(
        "marrow_handler_growths_refused_total",
        "Times the handler in charge asked for more memory than it may have.",
        |i| Some(i.handler.as_ref()?.growths_refused),
    ),
    gauge(
        "marrow_handler_works",
        "1 when the handler in charge handles events, 0 when they are decoded plainly.",
        |i| {
            let stand = i.handler.as_ref()?.stand;
            let works = matches!(stand, HandlerStand::Works | HandlerStand::Probation);
            Some(u64::from(works))
        },
    ),
    counter(
        "marrow_events_kernel_lost_total",
        "Records a full ring refused; absent where the object does not count them.",
        |i| kernel_lost(&i.counts),
    ),
];

const fn gauge(
    name: &'static str,
    help: &'static str,
    value: fn(&Instance) -> Option<u64>,
) -> Metric {
    Metric {
        kind: "gauge",
        ..counter(name, help, value)
    }
}

const fn counter(
    name: &'static str,
    help: &'static str,
    value: fn(&Instance) -> Option<u64>,
) -> Metric {
    Metric {
        name,
        kind: "counter",
        help,
        value,
    }
}

/// Every counter of every instance.
pub(super) async fn metrics(Shared(state): Shared<State>) -> impl IntoResponse {
    let mut text = text(&state.instances_by_id());
    handlers::add(&mut text, &state.parts.engine.handler_metrics());
    if let Some(fleet) = &state.parts.fleet {
        let (following, tally) = fleet.now();
        fleet::add(&mut text, &following, &tally);
    }
    ([(CONTENT_TYPE, MEDIA_TYPE)], text)
}

fn text(instances: &[Instance]) -> String {
    let mut out = String::new();
    for metric in &METRICS {
        head(&mut out, metric.name, metric.kind, metric.help);
        for instance in instances {
            if let Some(value) = (metric.value)(instance) {
                // Writing to a string does not fail. An instance's name needs no escaping.
                let _ = writeln!(
                    out,
                    "{}{{instance=\"{}\"}} {value}",
                    metric.name, instance.name
                );
            }
        }
    }
    sinks(&mut out, instances);
    let name = "marrow_hook_falls_through_total";
    head(
        &mut out,
        name,
        "counter",
        "Runs of a hook that met an empty lane.",
    );
    for instance in instances {
        for hook in &instance.hooks {
            let _ = writeln!(
                out,
                "{name}{{instance=\"{}\",program=\"{}\",kind=\"{}\",target=\"{}\"}} {}",
                instance.name,
                escaped(&hook.program),
                escaped(&hook.kind),
                escaped(&hook.target),
                hook.falls_through
            );
        }
    }
    out
}

/// What became of the outputs, a sink each.
fn sinks(out: &mut String, instances: &[Instance]) {
    let metrics: [(&str, &str, ReadSink); 3] = [
        (
            "marrow_sink_delivered_total",
            "Outputs the sink took.",
            |sink| sink.delivered,
        ),
        (
            "marrow_sink_lost_in_queue_total",
            "Outputs dropped from its full queue.",
            |sink| sink.lost_in_queue,
        ),
        (
            "marrow_sink_lost_in_sink_total",
            "Outputs it failed to take.",
            |sink| sink.lost_in_sink,
        ),
    ];
    for (name, help, value) in metrics {
        head(out, name, "counter", help);
        for instance in instances {
            for sink in &instance.counts.sinks {
                let (label, value) = (escaped(&sink.sink), value(sink));
                let instance = &instance.name;
                // Writing to a string does not fail.
                let _ = writeln!(
                    out,
                    "{name}{{instance=\"{instance}\",sink=\"{label}\"}} {value}"
                );
            }
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A label's value: backslash, quote and line feed are escaped.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn kernel_lost(counts: &Counts) -> Option<u64> {
    match counts.kernel_lost {
        Measured::Unknown => None,
        Measured::Known(count) => Some(count),
    }
}

#[cfg(test)]
mod tests {
    use api::node::{Hook, HookState, Owner, Trust};

    use super::*;

    fn instance(kernel_lost: Measured) -> Instance {
        Instance {
            id: 3,
            name: "execsnoop".into(),
            payload: "local/execsnoop".into(),
            version: None,
            digest: String::new(),
            generation: 2,
            state: InstanceState::Running,
            watch: None,
            staged: None,
            rolled_back: None,
            trust: Trust::Unsigned,
            signers: Vec::new(),
            owner: Owner::Local,
            hooks: vec![Hook {
                program: "p".into(),
                kind: "uprobe".into(),
                target: "a\"b\\c".into(),
                strategy: "switch".into(),
                strategy_reason: None,
                state: HookState::Attached,
                falls_through: 4,
                excused: 0,
                missed: 0,
            }],
            buffers: Vec::new(),
            handler: None,
            counts: Counts {
                accepted: 7,
                kernel_lost,
                ..Counts::default()
            },
            started_ms: 5,
        }
    }

    #[test]
    fn each_counter_has_help_type_and_a_sample_an_instance() {
        let text = text(&[instance(Measured::Known(2))]);
        assert!(text.contains("# TYPE marrow_events_accepted_total counter\n"));
        assert!(text.contains("marrow_events_accepted_total{instance=\"execsnoop\"} 7\n"));
        assert!(text.contains("marrow_events_kernel_lost_total{instance=\"execsnoop\"} 2\n"));
        assert!(text.contains(r#"target="a\"b\\c"} 4"#), "{text}");
    }

    #[test]
    fn unknown_loss_is_no_sample() {
        let text = text(&[instance(Measured::Unknown)]);
        assert!(!text.contains("marrow_events_kernel_lost_total{"));
    }
}
