//! What guests of tests stand on: modules from text, rings, maps, clocks.
//! Must never hide which lane a test runs in.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, OnceLock};

use handler::fault::Fault;
use handler::grant::{Access, Field, Grant, Limits, Metric, MetricKind, Ring};
use handler::maps::{MapError, Maps, Shape};
use handler::{Clock, Engine, Guest, GuestRing, Lane, World};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The functions of the host, as a core module imports them.
const IMPORTS: [(&str, &str); 16] = [
    ("log", "(param i32 i32 i32)"),
    ("emit", "(param i32 i32 i32 i32 i32)"),
    ("series", "(param i32 i32 i32 i32 i32)"),
    ("add", "(param i32 i64)"),
    ("set", "(param i32 f64)"),
    ("observe", "(param i32 f64)"),
    ("map-open", "(param i32 i32 i32)"),
    ("map-lookup", "(param i32 i32 i32 i32)"),
    ("map-update", "(param i32 i32 i32 i32 i32 i32)"),
    ("map-delete", "(param i32 i32 i32 i32)"),
    ("map-scan", "(param i32 i32 i32 i32 i32 i32)"),
    ("now-mono", "(result i64)"),
    ("now-wall", "(result i64)"),
    ("config", "(param i32 i32 i32)"),
    ("layout", "(param i32 i32)"),
    ("process", "(param i32 i32)"),
];

/// What a guest has where a test says nothing else. Results of `init` and `snapshot` are at 1024 and
/// 1040, the state is the 64 bytes at 2048, the heap begins at 65536.
const PARTS: [(&str, &str); 7] = [
    (
        "memory",
        r#"(memory (export "memory") 2)
        (data (i32.const 1040) "\07\00\00\00\00\08\00\00\40\00\00\00")"#,
    ),
    (
        "cabi_realloc",
        r#"(global $heap (mut i32) (i32.const 65536))
        (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (local $at i32)
          (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
          (global.set $heap (i32.add (local.get $at) (local.get 3)))
          (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
            (then (drop (memory.grow
              (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1))))))
          (local.get $at))"#,
    ),
    (
        "init",
        r#"(func (export "init") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 1024))"#,
    ),
    (
        "on-events",
        r#"(func (export "on-events") (param i32 i32 i32) (result i32) (local.get 2))"#,
    ),
    ("on-tick", r#"(func (export "on-tick") (param i64))"#),
    (
        "snapshot",
        r#"(func (export "snapshot") (result i32) (i32.const 1040))"#,
    ),
    ("shutdown", r#"(func (export "shutdown") (param i32))"#),
];

/// Gives each ring a window by growing the memory.
pub(crate) const RING_WINDOW: &str = r#"
    (func (export "ring-window") (param i32 i32) (result i32)
      (i32.shl (memory.grow (i32.shr_u (local.get 1) (i32.const 16))) (i32.const 16)))"#;

/// The contract, as nodes have it.
const CONTRACT: &str = include_str!("../../../wit/handler.wit");

/// Makes one test a lane of each function.
macro_rules! in_both_lanes {
    ($($(#[$about:meta])* fn $name:ident($lane:ident: Lane) $body:block)*) => {
        $($(#[$about])* fn $name($lane: Lane) $body)*

        mod core_lane {
            $(#[test] fn $name() { super::$name(handler::Lane::Core); })*
        }

        mod component_lane {
            $(#[test] fn $name() { super::$name(handler::Lane::Component); })*
        }
    };
}
pub(crate) use in_both_lanes;

/// The usual parts, but those that `body` has or names.
pub(crate) fn parts(body: &str) -> String {
    let is_usual = |name| !body.contains(&format!("(export \"{name}\")"));
    let usual = PARTS.iter().filter(|(name, _)| is_usual(*name));
    usual.map(|(_, part)| *part).collect()
}

/// A core module that imports these functions, with what is in `body` and the usual parts beside it.
pub(crate) fn module(imports: &[&str], body: &str) -> Vec<u8> {
    let mut text = String::from("(module\n");
    for name in imports {
        let (_, kind) = IMPORTS.iter().find(|(known, _)| known == name).unwrap();
        let from = r#"(import "marrow:handler/host@1.0.0""#;
        text += &[from, " \"", name, "\" (func $", name, " ", kind, "))"].concat();
    }
    text += &parts(body);
    text += body;
    text += ")";
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The bytes that a lane runs of such a module.
pub(crate) fn wasm(lane: Lane, imports: &[&str], body: &str) -> Vec<u8> {
    let mut module = module(imports, body);
    if lane == Lane::Core {
        return module;
    }
    let mut contract = Resolve::default();
    let package = contract.push_str("handler.wit", CONTRACT).unwrap();
    let world = contract.select_world(&[package], Some("handler")).unwrap();
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().module(&module).unwrap();
    encoder.validate(true).encode().unwrap()
}

/// Bytes as a string of the text format.
pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::from("\"");
    for byte in bytes.as_ref() {
        write!(text, "\\{byte:02x}").unwrap();
    }
    text + "\""
}

/// One engine for all tests, as in a node.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap())
}

/// All functions, a few maps, metrics and settings, and the limits that manifests have by default.
pub(crate) fn grant() -> Grant {
    let metric = |kind, labels: &[&str]| Metric {
        kind,
        labels: labels.iter().map(ToString::to_string).collect(),
        series_max: 2,
    };
    Grant {
        imports: IMPORTS.iter().map(|(name, _)| (*name).to_owned()).collect(),
        maps: BTreeMap::from([
            ("counts".to_owned(), Access::Write),
            ("limits".to_owned(), Access::Read),
            ("gone".to_owned(), Access::Read),
        ]),
        metrics: BTreeMap::from([
            ("runs".to_owned(), metric(MetricKind::Counter, &["command"])),
            ("level".to_owned(), metric(MetricKind::Gauge, &[])),
            (
                "took".to_owned(),
                metric(MetricKind::Histogram(vec![1.0]), &[]),
            ),
        ]),
        config: BTreeMap::from([("prefix".to_owned(), "/etc".to_owned())]),
        limits: Limits::default(),
    }
}

/// A ring of 64 KiB with two fields.
pub(crate) fn ring() -> Ring {
    let field = |name: &str, offset_bits, size_bits| Field {
        name: name.to_owned(),
        offset_bits,
        size_bits,
    };
    Ring {
        name: "events".to_owned(),
        event: "event".to_owned(),
        size_bytes: 64 << 10,
        layout: vec![field("pid", 0, 32), field("place.inode", 64, 64)],
    }
}

/// Stands for the map of a ring: two pages, then the data twice.
pub(crate) struct RingFile {
    file: File,
    data: u64,
    size: u64,
}

impl RingFile {
    /// With as many bytes of records.
    pub(crate) fn new(size: u32) -> Self {
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let file = File::from(rustix::fs::memfd_create("ring", flags).unwrap());
        let page = rustix::param::page_size() as u64;
        let size = u64::from(size);
        file.set_len(2 * page + 2 * size).unwrap();
        Self {
            file,
            data: 2 * page,
            size,
        }
    }

    /// Writes where both copies of the data show it.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        for copy in [0, self.size] {
            self.file
                .write_all_at(bytes, self.data + copy + offset)
                .unwrap();
        }
    }

    /// What is there.
    pub(crate) fn read(&self, offset: u64, bytes: usize) -> Vec<u8> {
        let mut read = vec![0; bytes];
        self.file
            .read_exact_at(&mut read, self.data + offset)
            .unwrap();
        read
    }

    /// What a guest is given of it.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Maps in memory, all with keys of four bytes and values of eight.
#[derive(Default)]
pub(crate) struct TestMaps(Mutex<Entries>);

/// Values by name of the map and key.
type Entries = BTreeMap<(String, Vec<u8>), Vec<u8>>;

impl Maps for TestMaps {
    fn shape(&self, map: &str) -> Result<Shape, MapError> {
        if map == "gone" {
            return Err(MapError::Absent(map.to_owned()));
        }
        Ok(Shape {
            key_bytes: 4,
            value_bytes: 8,
        })
    }

    fn lookup(&self, map: &str, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        let entries = self.0.lock().unwrap();
        Ok(entries.get(&(map.to_owned(), key.to_owned())).cloned())
    }

    fn update(&self, map: &str, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        let mut entries = self.0.lock().unwrap();
        if key == [0xff; 4] {
            let reason = "the kernel is tired\n".to_owned();
            let map = map.to_owned();
            return Err(MapError::Kernel { map, reason });
        }
        entries.insert((map.to_owned(), key.to_owned()), value.to_owned());
        Ok(())
    }

    fn delete(&self, map: &str, key: &[u8]) -> Result<bool, MapError> {
        let mut entries = self.0.lock().unwrap();
        Ok(entries.remove(&(map.to_owned(), key.to_owned())).is_some())
    }

    fn scan(&self, map: &str, after: Option<&[u8]>, entries_max: u32) -> Result<Vec<u8>, MapError> {
        let entries = self.0.lock().unwrap();
        let behind = |key: &[u8]| after.is_none_or(|after| key > after);
        let of_map = entries
            .iter()
            .filter(|((name, key), _)| name == map && behind(key));
        let found = of_map.take(entries_max as usize);
        Ok(found
            .flat_map(|((_, key), value)| [key.as_slice(), value].concat())
            .collect())
    }
}

thread_local! {
    static NOW_NS: Cell<u64> = const { Cell::new(5_000_000_000) };
}

/// Moves the clock of this test.
pub(crate) fn pass_ns(ns: u64) {
    NOW_NS.set(NOW_NS.get() + ns);
}

/// The surroundings: empty maps, a clock that stands still, no processes.
pub(crate) fn world() -> World {
    World {
        maps: Arc::new(TestMaps::default()),
        clock: Clock {
            now_mono_ns: || NOW_NS.get(),
            now_wall_ns: || 1_700_000_000_000_000_000,
        },
        processes: false,
    }
}

/// What is tried: a guest of this module with one ring that is not mapped.
pub(crate) fn made(lane: Lane, imports: &[&str], body: &str) -> Result<Guest, Fault> {
    made_with(lane, &wasm(lane, imports, body), &grant(), world())
}

/// A guest with one ring that is not mapped, of this grant and in this world.
pub(crate) fn made_with(
    lane: Lane,
    wasm: &[u8],
    grant: &Grant,
    world: World,
) -> Result<Guest, Fault> {
    let compiled = engine().compile(wasm, grant).unwrap();
    assert_eq!(compiled.lane(), lane);
    let ring = ring();
    let ring = GuestRing {
        ring: &ring,
        memory: None,
    };
    compiled.guest(&[ring], world)
}

/// As [`made`], begun.
pub(crate) fn guest(lane: Lane, imports: &[&str], body: &str) -> Guest {
    let mut guest = made(lane, imports, body).unwrap();
    guest.init(None).unwrap().unwrap();
    guest
}

/// The words at the beginning of a guest's state.
pub(crate) fn words<const N: usize>(guest: &mut Guest) -> [u32; N] {
    let state = guest.snapshot().unwrap().bytes;
    std::array::from_fn(|at| u32::from_le_bytes(state[at * 4..at * 4 + 4].try_into().unwrap()))
}

/// Has a guest tick; what it can't.
pub(crate) fn tick(guest: &mut Guest) -> Result<(), Fault> {
    guest.on_tick(0)
}
