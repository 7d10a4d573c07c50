//! The handler of a payload: what its bytes say, and what its manifest asks for. Called by `inspect`.
//! Must never show a wish as if it were granted: a node's policy decides.

use payload::handler::{self, Lane};
use payload::manifest::{Access, CarryState, Handler, Metric, MetricKind};
use serde::Serialize;

use crate::table::{Text, bytes, grouped, row};

/// What `--json` says about a handler beside the manifest's word.
#[derive(Debug, Serialize)]
pub(super) struct HandlerReport {
    lane: Lane,
    size_bytes: usize,
    exports: Vec<String>,
}

impl HandlerReport {
    /// The report of a handler's bytes; none for what is no handler, which no payload has.
    pub(super) fn of(wasm: &[u8]) -> Option<Self> {
        let found = handler::inspect(wasm).ok()?;
        Some(Self {
            lane: found.lane,
            size_bytes: wasm.len(),
            exports: found.exports,
        })
    }
}

/// All of it, for people.
pub(super) fn show(text: &mut Text, report: &HandlerReport, listed: &Handler) {
    text.list("handler", facts(report, listed).into_iter());
    text.list("handler limits", limits(listed).into_iter());
    let imports = listed.imports.iter();
    text.list("handler imports", imports.map(|import| row([import])));
    let maps = listed.maps.iter().map(|wish| {
        let access = match wish.access {
            Access::Read => "read",
            Access::Write => "read and write",
        };
        row([&wish.map, access])
    });
    text.list("handler maps", maps);
    text.list("handler metrics", listed.metrics.iter().map(metric));
    let config = listed.config.iter();
    let quoted = config.map(|(key, value)| row([key, &format!("{value:?}")]));
    text.list("handler config", quoted);
    let exports = report.exports.iter();
    text.list("handler exports", exports.map(|export| row([export])));
}

fn facts(report: &HandlerReport, listed: &Handler) -> Vec<Vec<String>> {
    let state = match listed.state {
        CarryState::Carry => "goes on where the new handler takes it",
        CarryState::Require => "goes on, or the update is refused",
        CarryState::Fresh => "begins without",
    };
    let accepts: Vec<String> = listed.accepts.iter().map(u32::to_string).collect();
    let rows = [
        ("lane", report.lane.as_str().to_owned()),
        ("size", bytes(report.size_bytes as u64)),
        ("world", listed.world.clone()),
        ("sdk", listed.sdk.clone().unwrap_or_default()),
        ("state", state.to_owned()),
        ("schema", listed.schema.to_string()),
        ("accepts", accepts.join(", ")),
    ];
    let said = rows.iter().filter(|(_, value)| !value.is_empty());
    said.map(|(label, value)| row([label, value])).collect()
}

/// What it may use up, by the names that policy and recipe have for it.
fn limits(listed: &Handler) -> Vec<Vec<String>> {
    let numbers = [
        ("memory_bytes_max", listed.memory_bytes_max),
        ("call_ms_max", listed.call_ms_max.into()),
        ("state_ms_max", listed.state_ms_max.0.into()),
        ("state_bytes_max", listed.state_bytes_max.0.into()),
        ("emits_per_s_max", listed.emits_per_s_max.0.into()),
        ("emit_bytes_per_s_max", listed.emit_bytes_per_s_max.0.into()),
        ("log_lines_per_s_max", listed.log_lines_per_s_max.0.into()),
    ];
    let shown = numbers.map(|(name, number)| row([name, &grouped(number)]));
    shown.into()
}

fn metric(metric: &Metric) -> Vec<String> {
    let kind = match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    };
    let labelled = match metric.labels.as_slice() {
        [] => String::new(),
        labels => format!(
            "by {}, up to {} series",
            labels.join(", "),
            grouped(metric.series_max.0.into())
        ),
    };
    let buckets: Vec<String> = metric
        .buckets
        .iter()
        .map(|bound| bound.get().to_string())
        .collect();
    let buckets = match buckets.as_slice() {
        [] => String::new(),
        buckets => format!("to {}", buckets.join(", ")),
    };
    let help = metric.help.clone().unwrap_or_default();
    row([&metric.name, kind, &labelled, &buckets, &help])
}
