//! What a handler is given: rights, limits, settings, and the rings it reads. Made by `node` from a
//! payload's manifest and its own policy, by `packer test` from the manifest alone.
//! Must never hold what neither of them said.

use std::collections::{BTreeMap, BTreeSet};

use payload::btf::Kind;
use payload::manifest::{self, Manifest};
use payload::object::Object;
use wasmtime::component::{ComponentType, Lower};

/// What a handler may import and use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grant {
    /// Functions of the host that it may import, such as `emit`.
    pub imports: BTreeSet<String>,
    /// Maps of its own object, with its right to each.
    pub maps: BTreeMap<String, Access>,
    /// Metrics that it may change.
    pub metrics: BTreeMap<String, Metric>,
    /// Settings, by key.
    pub config: BTreeMap<String, String>,
    /// What it may use up.
    pub limits: Limits,
}

impl Grant {
    /// What a manifest asks for, all of it.
    #[must_use]
    pub fn asked(asked: &manifest::Handler) -> Self {
        let function = |import: &String| {
            let name = import.rsplit_once('#');
            name.map_or_else(|| import.clone(), |(_, name)| name.to_owned())
        };
        let maps = asked.maps.iter().map(|one| {
            let access = match one.access {
                manifest::Access::Read => Access::Read,
                manifest::Access::Write => Access::Write,
            };
            (one.map.clone(), access)
        });
        let metrics = asked.metrics.iter();
        Self {
            imports: asked.imports.iter().map(function).collect(),
            maps: maps.collect(),
            metrics: metrics
                .map(|one| (one.name.clone(), Metric::of(one)))
                .collect(),
            config: asked.config.clone(),
            limits: Limits {
                memory_bytes_max: asked.memory_bytes_max,
                call_ms_max: asked.call_ms_max,
                state_ms_max: asked.state_ms_max.0,
                state_bytes_max: asked.state_bytes_max.0,
                emits_per_s_max: asked.emits_per_s_max.0,
                emit_bytes_per_s_max: asked.emit_bytes_per_s_max.0,
                log_lines_per_s_max: asked.log_lines_per_s_max.0,
            },
        }
    }
}

impl Metric {
    fn of(asked: &manifest::Metric) -> Self {
        Self {
            kind: match asked.kind {
                manifest::MetricKind::Counter => MetricKind::Counter,
                manifest::MetricKind::Gauge => MetricKind::Gauge,
                manifest::MetricKind::Histogram => {
                    let bounds = asked.buckets.iter().map(|bound| bound.get());
                    MetricKind::Histogram(bounds.collect())
                }
            },
            labels: asked.labels.clone(),
            series_max: asked.series_max.0,
        }
    }
}

impl Ring {
    /// The ring `map` of an object, with the struct that the manifest says it carries.
    #[must_use]
    pub fn of(manifest: &Manifest, object: &Object, map: &str, size_bytes: u32) -> Self {
        let event = manifest.events.iter().find(|event| event.map == map);
        let found = event.zip(object.btf.as_ref()).and_then(|(event, btf)| {
            let id = btf.find(Kind::Struct, &event.struct_name)?;
            Some((event.struct_name.clone(), btf.fields(id)))
        });
        let (event, fields) = found.unwrap_or_default();
        let fields = fields.into_iter().map(|field| Field {
            name: field.name,
            offset_bits: field.offset_bits,
            size_bits: field.size_bits,
        });
        Self {
            name: map.to_owned(),
            event,
            size_bytes,
            layout: fields.collect(),
        }
    }
}

/// What a handler may do with a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look up and scan.
    Read,
    /// Update and delete as well.
    Write,
}

/// A metric that a manifest declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its kind.
    pub kind: MetricKind,
    /// Names of its labels, in the order in which their values are given.
    pub labels: Vec<String>,
    /// The most series it may have.
    pub series_max: u32,
}

/// The kind of a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricKind {
    /// Only goes up.
    Counter,
    /// Any number.
    Gauge,
    /// Counted by upper bounds, ascending; what is above the last is counted too.
    Histogram(Vec<f64>),
}

/// What a handler may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its memory beside the windows of rings.
    pub memory_bytes_max: u64,
    /// Milliseconds of a call.
    pub call_ms_max: u32,
    /// Milliseconds of `init` and of `snapshot`.
    pub state_ms_max: u32,
    /// Bytes of state.
    pub state_bytes_max: u32,
    /// Outputs a second.
    pub emits_per_s_max: u32,
    /// Bytes of outputs a second.
    pub emit_bytes_per_s_max: u32,
    /// Lines of the log a second.
    pub log_lines_per_s_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 16 << 20,
            call_ms_max: 10,
            state_ms_max: 100,
            state_bytes_max: 4 << 20,
            emits_per_s_max: 10_000,
            emit_bytes_per_s_max: 1 << 20,
            log_lines_per_s_max: 10,
        }
    }
}

/// A ring as `init` is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// Name of its map.
    pub name: String,
    /// The struct that it carries; empty for raw bytes.
    pub event: String,
    /// Bytes of records it holds.
    pub size_bytes: u32,
    /// The fields of the struct.
    pub layout: Vec<Field>,
}

/// A field of a ring's struct.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub struct Field {
    /// With dots for nested ones.
    pub name: String,
    /// Bits from the start of the record.
    #[component(name = "offset-bits")]
    pub offset_bits: u32,
    /// Its size, bits.
    #[component(name = "size-bits")]
    pub size_bits: u32,
}
