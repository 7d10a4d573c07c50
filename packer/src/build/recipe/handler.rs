//! `[handler]` of `payload.toml`: the lane, and what the handler asks for. Read by `recipe`.
//! Must never hold what the handler's own bytes say, but where they say nothing.

use std::collections::BTreeMap;

use payload::handler::Lane;
use payload::manifest::{
    Access, CarryState, Handler, Limit, MapAccess, Metric, MetricKind, UpperBound,
};
use serde::Deserialize;
use toml::Spanned;

/// What the author says about the handler. Everything may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HandlerRule {
    /// How it is served; else as what it is.
    pub(crate) lane: Option<Lane>,
    state: CarryState,
    /// What its state means, where no SDK has written that into it.
    pub(crate) schema: Option<u32>,
    /// The schemas it goes on with, where no SDK has written them into it.
    pub(crate) accepts: Option<Vec<u32>>,
    /// Rights to maps, by name.
    pub(super) maps: BTreeMap<Spanned<String>, Access>,
    metrics: BTreeMap<String, MetricRule>,
    config: BTreeMap<String, String>,
    memory_bytes_max: Option<u64>,
    call_ms_max: Option<u32>,
    state_ms_max: Option<u32>,
    state_bytes_max: Option<u32>,
    emits_per_s_max: Option<u32>,
    emit_bytes_per_s_max: Option<u32>,
    log_lines_per_s_max: Option<u32>,
}

/// `[handler.metrics.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricRule {
    kind: MetricKind,
    help: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    buckets: Vec<UpperBound>,
    series_max: Option<u32>,
}

impl HandlerRule {
    /// Writes its wishes into the manifest's word about the handler.
    pub(crate) fn wish(&self, handler: &mut Handler) {
        handler.state = self.state;
        let right = |(map, access): (&Spanned<String>, &Access)| MapAccess {
            map: map.get_ref().clone(),
            access: *access,
        };
        handler.maps = self.maps.iter().map(right).collect();
        let metrics = self.metrics.iter();
        handler.metrics = metrics.map(|(name, rule)| rule.metric(name)).collect();
        handler.config.clone_from(&self.config);
        if let Some(schema) = self.schema {
            handler.schema = schema;
        }
        if let Some(accepts) = &self.accepts {
            handler.accepts.clone_from(accepts);
        }
        set(&mut handler.memory_bytes_max, self.memory_bytes_max);
        set(&mut handler.call_ms_max, self.call_ms_max);
        set(&mut handler.state_ms_max.0, self.state_ms_max);
        set(&mut handler.state_bytes_max.0, self.state_bytes_max);
        set(&mut handler.emits_per_s_max.0, self.emits_per_s_max);
        set(
            &mut handler.emit_bytes_per_s_max.0,
            self.emit_bytes_per_s_max,
        );
        set(&mut handler.log_lines_per_s_max.0, self.log_lines_per_s_max);
    }
}

impl MetricRule {
    fn metric(&self, name: &str) -> Metric {
        Metric {
            name: name.to_owned(),
            kind: self.kind,
            help: self.help.clone(),
            labels: self.labels.clone(),
            buckets: self.buckets.clone(),
            series_max: self.series_max.map_or_else(Limit::default, Limit),
        }
    }
}

fn set<T: Copy>(limit: &mut T, wish: Option<T>) {
    *limit = wish.unwrap_or(*limit);
}
