//! What is in a release: its programs, maps, events, globals and handler. Made by the page of a
//! version. Must never show a wish as if it were granted: a node's policy decides.

use payload::manifest::{CarryState, Event, Global, Handler, Manifest, Map, MetricKind, Program};
use payload::object::Record;

use super::super::format::size;
use super::super::view::told;
use super::super::visible::visible;
use super::words;
use crate::events::EventRecord;

/// All of it.
pub(crate) struct Contents {
    pub(super) description: Option<String>,
    /// Words and what they stand for.
    pub(super) about: Vec<(&'static str, String)>,
    pub(super) source: Option<String>,
    pub(super) objects: Vec<(String, String, String, String)>,
    pub(super) programs: Vec<ProgramView>,
    pub(super) maps: Vec<MapView>,
    pub(super) events: Vec<EventView>,
    pub(super) globals: Vec<GlobalView>,
    pub(super) handler: Option<HandlerView>,
}

pub(super) struct ProgramView {
    pub(super) name: String,
    pub(super) hook: String,
    pub(super) section: String,
}

pub(super) struct MapView {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) room: String,
    pub(super) entry: String,
    pub(super) hand_over: &'static str,
}

pub(super) struct EventView {
    pub(super) map: String,
    pub(super) struct_name: String,
    pub(super) size: Option<String>,
    /// Name, type, place.
    pub(super) fields: Vec<(String, String, String)>,
}

pub(super) struct GlobalView {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) section: String,
    pub(super) default: String,
    pub(super) settable: bool,
}

pub(super) struct HandlerView {
    pub(super) world: String,
    pub(super) sdk: Option<String>,
    pub(super) state: &'static str,
    pub(super) imports: Vec<String>,
    pub(super) maps: Vec<(String, &'static str)>,
    pub(super) limits: [(&'static str, String); 7],
    /// Name, kind, labels, help.
    pub(super) metrics: Vec<(String, &'static str, String, String)>,
    pub(super) config: Vec<(String, String)>,
}

impl Contents {
    /// What a manifest says, and the structs of its events.
    pub(crate) fn of(manifest: Manifest, records: &[EventRecord]) -> Self {
        let about = about(&manifest);
        let objects = manifest.objects.into_iter().map(|object| {
            let license = visible(object.license.as_deref().unwrap_or("none"));
            let bytes = size(object.size_bytes);
            let digest = object.digest.to_string();
            (object.arch.as_str().to_owned(), bytes, license, digest)
        });
        let events = manifest.events.into_iter();
        Self {
            description: told(manifest.description.as_deref()),
            about,
            source: told(manifest.source.as_deref()),
            objects: objects.collect(),
            programs: manifest.programs.into_iter().map(program).collect(),
            maps: manifest.maps.into_iter().map(map).collect(),
            events: events.map(|one| event(one, records)).collect(),
            globals: manifest.globals.into_iter().map(global).collect(),
            handler: manifest.handler.map(handler),
        }
    }
}

fn about(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let build = manifest.build.as_ref().map(|build| match &build.btf {
        Some(btf) => format!("clang {}, vmlinux.h of BTF {btf}", build.clang),
        None => format!("clang {}", build.clang),
    });
    let kernel = manifest.kernel_min;
    let kernel = kernel.map(|version| format!("{version} or later, says its author"));
    let rows = [
        ("Licence", manifest.license.clone()),
        ("Kernel", kernel),
        ("Built by", build),
    ];
    let said = rows.into_iter();
    said.filter_map(|(word, text)| Some((word, visible(&text?))))
        .collect()
}

fn program(program: Program) -> ProgramView {
    ProgramView {
        hook: words::hook(&program),
        name: program.name,
        section: program.section,
    }
}

fn map(map: Map) -> MapView {
    MapView {
        room: words::room(&map),
        entry: words::entry(&map),
        hand_over: words::hand_over(&map),
        name: map.name,
        kind: map.kind,
    }
}

fn event(event: Event, records: &[EventRecord]) -> EventView {
    let record: Option<&Record> = records
        .iter()
        .find(|one| one.map == event.map && one.struct_name == event.struct_name)
        .map(|one| &one.record);
    let fields = record.into_iter().flat_map(|record| &record.fields);
    let fields = fields.map(|field| {
        let name = match field.name.as_str() {
            "" => "(anonymous)".to_owned(),
            name => name.to_owned(),
        };
        (name, field.type_name.clone(), words::place(field))
    });
    EventView {
        map: event.map,
        struct_name: event.struct_name,
        size: record.map(|record| size(record.size_bytes)),
        fields: fields.collect(),
    }
}

fn global(global: Global) -> GlobalView {
    GlobalView {
        default: visible(&words::default(&global)),
        type_name: global.type_name.unwrap_or_else(|| "no type".to_owned()),
        name: global.name,
        section: global.section,
        settable: global.settable,
    }
}

fn handler(handler: Handler) -> HandlerView {
    let limits = words::limits(&handler);
    let maps = handler.maps.iter();
    let metrics = handler.metrics.into_iter().map(|metric| {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let help = visible(&metric.help.unwrap_or_default());
        (metric.name, kind, visible(&metric.labels.join(", ")), help)
    });
    let config = handler.config.iter();
    let config = config.map(|(key, value)| (visible(key), visible(value)));
    HandlerView {
        world: handler.world,
        sdk: told(handler.sdk.as_deref()),
        state: match handler.state {
            CarryState::Carry => "goes on where the new handler takes it",
            CarryState::Require => "goes on, or the update is refused",
            CarryState::Fresh => "begins without",
        },
        imports: handler.imports,
        maps: maps
            .map(|wish| (wish.map.clone(), words::right(wish)))
            .collect(),
        limits,
        metrics: metrics.collect(),
        config: config.collect(),
    }
}
