//! What handlers of these tests stand on: payloads that `packer` builds, rings that are files in memory,
//! and what was put out. Must never hide in which lane and how a handler was run.
#![expect(unsafe_code, reason = "a file stands for a ring, and is mapped as one")]

use std::fs::File;
use std::os::fd::{AsFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use handler::effects::{Change, Effects, Level, Series};
use handler::fault::Fault;
use handler::grant::{Grant, Ring};
use handler::{Clock, Compiled, Engine, Guest, GuestRing, Records, State, World};
use payload::object::MapKind;
use payload::unsigned::Unsigned;
use serde_json::Value;
use tests::programs;

use super::maps::InMemory;

/// Both clocks, which stand still.
pub(crate) const MONO_NS: u64 = 5_000_000_000;
pub(crate) const WALL_NS: u64 = 1_700_000_000_000_000_000;

/// A ring as the kernel has it: two pages, then its data twice.
pub(crate) struct RingFile {
    file: File,
    pages_bytes: u64,
    size_bytes: u64,
    data: NonNull<u8>,
}

impl RingFile {
    fn new(size_bytes: u32) -> Self {
        // SAFETY: the name is text with a NUL.
        let fd = unsafe { libc::memfd_create(c"ring".as_ptr(), libc::MFD_CLOEXEC) };
        assert!(fd >= 0);
        // SAFETY: it was opened just now, and nobody else has it.
        let file = unsafe { File::from_raw_fd(fd) };
        // SAFETY: it takes no pointer.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let (pages_bytes, size_bytes) = (2 * u64::try_from(page).unwrap(), u64::from(size_bytes));
        file.set_len(pages_bytes + 2 * size_bytes).unwrap();
        let (bytes, offset) = (2 * size_bytes, i64::try_from(pages_bytes).unwrap());
        // SAFETY: a new mapping, which is never taken away.
        let data = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                usize::try_from(bytes).unwrap(),
                libc::PROT_READ,
                libc::MAP_SHARED,
                fd,
                offset,
            )
        };
        assert_ne!(data, libc::MAP_FAILED);
        let data = NonNull::new(data.cast()).unwrap();
        Self {
            file,
            pages_bytes,
            size_bytes,
            data,
        }
    }

    /// Writes over the end, as both copies show it.
    fn write(&self, offset: u64, bytes: &[u8]) {
        let before = usize::try_from(self.size_bytes - offset).unwrap();
        let (before, behind) = bytes.split_at(before.min(bytes.len()));
        for copy in [0, self.size_bytes] {
            let start = self.pages_bytes + copy;
            self.file.write_all_at(before, start + offset).unwrap();
            self.file.write_all_at(behind, start).unwrap();
        }
    }
}

/// A payload's handler, compiled once a program of tests.
pub(crate) struct Built {
    compiled: Compiled,
    grant: Grant,
    rings: Vec<Ring>,
    /// The handler itself.
    pub(crate) wasm: Vec<u8>,
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap())
}

impl Built {
    /// Has `packer` build a folder.
    pub(crate) fn of(folder: &Path) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let packer = Command::new(programs::built("packer"))
            .arg("build")
            .arg(folder)
            .arg("--output")
            .arg(file.path())
            .output()
            .unwrap();
        let messages = String::from_utf8_lossy(&packer.stderr);
        assert!(packer.status.success(), "{}: {messages}", folder.display());
        let bytes = std::fs::read(file.path()).unwrap();
        let unsigned = Unsigned::from_payload(&bytes).unwrap();
        let object = unsigned.inspected();
        let manifest = &unsigned.contents().manifest;
        let maps = object.maps.iter();
        let rings = maps
            .filter(|map| map.kind == MapKind::RINGBUF)
            .map(|map| Ring::of(manifest, object, &map.name, map.max_entries))
            .collect();
        let grant = Grant::asked(manifest.handler.as_ref().unwrap());
        let wasm = unsigned.contents().handler.clone().unwrap();
        Self {
            compiled: engine().compile(&wasm, &grant).unwrap(),
            grant,
            rings,
            wasm,
        }
    }

    /// The same with other settings.
    pub(crate) fn set(&self, settings: &[(&str, &str)]) -> Self {
        let mut grant = self.grant.clone();
        let settings = settings.iter();
        let settings = settings.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        grant.config.extend(settings);
        self.with(grant)
    }

    /// The same without a right to any map.
    pub(crate) fn without_maps(&self) -> Self {
        let mut grant = self.grant.clone();
        grant.maps.clear();
        self.with(grant)
    }

    fn with(&self, grant: Grant) -> Self {
        Self {
            compiled: engine().compile(&self.wasm, &grant).unwrap(),
            grant,
            rings: self.rings.clone(),
            wasm: self.wasm.clone(),
        }
    }
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What was put out since the last look.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Streams and objects.
    pub(crate) outputs: Vec<(String, Value)>,
    pub(crate) log: Vec<(Level, String)>,
    pub(crate) changes: Vec<(Series, Change)>,
}

impl Told {
    /// The objects of a stream.
    pub(crate) fn of(&self, stream: &str) -> Vec<Value> {
        let ours = self.outputs.iter().filter(|(name, _)| name == stream);
        ours.map(|(_, event)| event.clone()).collect()
    }

    /// What was added to a counter.
    pub(crate) fn added(&self, metric: &str, labels: &[&str]) -> u64 {
        let changes = self.changes.iter();
        let ours = changes.filter(|(of, _)| of.metric == metric && of.labels == labels);
        ours.map(|(_, change)| match change {
            Change::Add { by, .. } => *by,
            Change::Set { .. } | Change::Observe { .. } => panic!("{metric} is no counter"),
        })
        .sum()
    }
}

/// A guest with its rings.
pub(crate) struct Driven {
    guest: Guest,
    rings: Vec<Ring>,
    files: Vec<Option<RingFile>>,
    offsets: Vec<u64>,
    /// Whether the guest went through a window by itself in the last call.
    by_itself: bool,
    series: Vec<Series>,
    told: Told,
}

impl Driven {
    /// One that `init` was not called of.
    pub(crate) fn new(built: &Built, mapped: bool) -> Self {
        let file = |ring: &Ring| mapped.then(|| RingFile::new(ring.size_bytes));
        let files: Vec<Option<RingFile>> = built.rings.iter().map(file).collect();
        let given = built
            .rings
            .iter()
            .zip(&files)
            .map(|(ring, file)| GuestRing {
                ring,
                memory: file.as_ref().map(|file| file.file.as_fd()),
            });
        let world = World {
            maps: Arc::new(InMemory::default()),
            clock: Clock {
                now_mono_ns: || MONO_NS,
                now_wall_ns: || WALL_NS,
            },
            processes: true,
        };
        let given: Vec<GuestRing<'_>> = given.collect();
        Self {
            guest: built.compiled.guest(&given, world).unwrap(),
            rings: built.rings.clone(),
            // The first record wraps around: the window shows it in one piece.
            offsets: built
                .rings
                .iter()
                .map(|ring| u64::from(ring.size_bytes) - 16)
                .collect(),
            files,
            by_itself: false,
            series: Vec::new(),
            told: Told::default(),
        }
    }

    /// One that was begun.
    pub(crate) fn begun(built: &Built, mapped: bool, previous: Option<&State>) -> Self {
        let mut driven = Self::new(built, mapped);
        driven.init(previous).unwrap();
        driven
    }

    pub(crate) fn init(&mut self, previous: Option<&State>) -> Result<(), String> {
        let begun = self.guest.init(previous).unwrap();
        self.take();
        begun
    }

    /// Maps that it asks for in `init`, and has no right to.
    pub(crate) fn denied_at_first(&mut self) -> Vec<String> {
        self.guest.init(None).unwrap().unwrap();
        self.guest.effects().denied.clone()
    }

    pub(crate) fn is_mapped(&self, ring: &str) -> bool {
        self.guest.is_mapped(self.number(ring))
    }

    fn number(&self, name: &str) -> usize {
        self.rings
            .iter()
            .position(|ring| ring.name == name)
            .unwrap()
    }

    /// Whether the guest goes through its window of a ring by itself: every second call, the first one
    /// among them.
    pub(crate) fn walks(&self, ring: &str) -> bool {
        self.guest.walks(self.number(ring))
    }

    /// Has the guest go through its window by itself, where it does; how many bytes it handled.
    pub(crate) fn window(&mut self, ring: &str, bytes: &[u8]) -> Option<u32> {
        let ring = self.number(ring);
        self.guest
            .walks(ring)
            .then(|| self.read(ring, bytes, true).unwrap())
    }

    /// Gives records to the guest; how many bytes it handled.
    pub(crate) fn try_events(&mut self, ring: &str, records: &[u8]) -> Result<u32, Fault> {
        // Each kind of call has its turn.
        let ring = self.number(ring);
        self.by_itself = self.guest.walks(ring) && !self.by_itself;
        self.read(ring, records, self.by_itself)
    }

    fn read(&mut self, ring: usize, records: &[u8], by_itself: bool) -> Result<u32, Fault> {
        let handled = match &self.files[ring] {
            None => self.guest.on_events(ring, Records::Owned(records)),
            Some(file) => {
                file.write(self.offsets[ring], records);
                let (offset, bytes) = (self.offsets[ring], records.len());
                let (offset, bytes) = (
                    u32::try_from(offset).unwrap(),
                    u32::try_from(bytes).unwrap(),
                );
                if by_itself {
                    self.guest.on_window(ring, offset, bytes)
                } else {
                    // SAFETY: the file is mapped twice behind `data`, and nobody writes to it meanwhile.
                    let span = unsafe { Records::ring(file.data, offset, bytes) };
                    self.guest.on_events(ring, span)
                }
            }
        };
        if let Ok(handled) = handled {
            let size_bytes = u64::from(self.rings[ring].size_bytes);
            self.offsets[ring] = (self.offsets[ring] + u64::from(handled)) % size_bytes;
        }
        self.take();
        handled
    }

    /// Gives whole records, each of which must be handled.
    pub(crate) fn events(&mut self, ring: &str, contents: &[Vec<u8>]) {
        let span: Vec<u8> = contents
            .iter()
            .flat_map(|content| record(content, 0))
            .collect();
        let handled = self.try_events(ring, &span).unwrap();
        assert_eq!(handled as usize, span.len());
    }

    pub(crate) fn tick(&mut self, now_ns: u64) {
        self.guest.on_tick(now_ns).unwrap();
        self.take();
    }

    pub(crate) fn shutdown(&mut self, reason: handler::Reason) {
        self.guest.shutdown(reason).unwrap();
        self.take();
    }

    pub(crate) fn snapshot(&mut self) -> State {
        self.guest.snapshot().unwrap()
    }

    /// What was put out since the last look.
    pub(crate) fn told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }

    fn take(&mut self) {
        let effects: &mut Effects = self.guest.effects();
        self.series.append(&mut effects.series);
        for emitted in &effects.emitted {
            let stream = &effects.text[emitted.stream.clone()];
            let event = &effects.text[emitted.event.clone()];
            let stream = String::from_utf8(stream.to_vec()).unwrap();
            let event = serde_json::from_slice(event).unwrap();
            self.told.outputs.push((stream, event));
        }
        self.told.log.append(&mut effects.log);
        for change in &effects.changes {
            let series = self.series[change.series() as usize].clone();
            self.told.changes.push((series, *change));
        }
        effects.clear();
    }
}

/// A record with these bits beside its length.
pub(crate) fn record(content: &[u8], bits: u32) -> Vec<u8> {
    let word = u32::try_from(content.len()).unwrap() | bits;
    let mut record = word.to_le_bytes().to_vec();
    record.extend([0; 4]);
    record.extend(content);
    // What pads it is whatever was there before.
    record.resize(record.len().next_multiple_of(8), 0xee);
    record
}
