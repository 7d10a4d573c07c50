//! What `bench handler` compares handlers with: a Rust closure that libbpf-rs calls for each record, or
//! the same handler's WebAssembly, called once a record. Ends with its input. Run by `cargo xtask bench`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use handler::grant::{Grant, Ring};
use handler::maps::NoMaps;
use handler::{Clock, Engine, Guest, GuestRing, Records, World};
use libbpf_rs::{ErrorKind, Link, MapCore, Object, ObjectBuilder, RingBufferBuilder};
use payload::file::{Arch, Contents};
use payload::unsigned::Unsigned;

/// Bytes of a record, as in tests/bench/flow/event.h.
const EVENT_BYTES: usize = 168;
/// What the kernel has before each, in the ring.
const HEADER_BYTES: usize = 8;
const SLOTS: usize = 1024;
/// How long one wait for records is.
const WAIT: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: closure PAYLOAD closure|calls";
    let file = std::fs::read(args.next().context(usage)?)?;
    let payload = Unsigned::from_payload(&file)?.into_contents();
    let bytes = payload
        .object_for(Arch::Any)
        .context("no object for any machine")?;
    let object = ObjectBuilder::default().open_memory(bytes)?.load()?;
    let _links: Vec<Link> = object
        .progs_mut()
        .map(|program| program.attach())
        .collect::<Result<_, _>>()?;
    match args.next().as_deref() {
        Some("closure") => {
            let mut seen = Seen::new();
            read(&object, |record| seen.count(record))?;
            show(&format!(
                "{{\"events\":{},\"lost\":{},\"duplicated\":{},\"in_etc\":{},\"total_ns\":{}}}",
                seen.events, seen.lost, seen.duplicated, seen.in_etc, seen.total_ns
            ));
        }
        Some("calls") => {
            let mut guest = guest(&payload)?;
            let mut span = [0; HEADER_BYTES + EVENT_BYTES];
            span[..4].copy_from_slice(&u32::try_from(EVENT_BYTES)?.to_le_bytes());
            let (mut events, mut failed) = (0_u64, None);
            read(&object, |record| {
                let Some(event) = record.first_chunk::<EVENT_BYTES>() else {
                    return;
                };
                span[HEADER_BYTES..].copy_from_slice(event);
                match guest.on_events(0, Records::Owned(&span)) {
                    Ok(_) => events += 1,
                    Err(fault) => failed = Some(fault),
                }
            })?;
            if let Some(fault) = failed {
                bail!("the handler failed: {fault}");
            }
            show(&format!("{{\"events\":{events}}}"));
        }
        _ => bail!(usage),
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "its output is read by `cargo xtask bench`"
)]
fn show(line: &str) {
    println!("{line}");
}

/// Calls `each` with each record of the ring until standard input ends.
fn read(object: &Object, mut each: impl FnMut(&[u8])) -> Result<()> {
    let ended = Arc::new(AtomicBool::new(false));
    let sets = Arc::clone(&ended);
    std::thread::spawn(move || {
        // An input that can't be read has ended.
        let _read = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        sets.store(true, Ordering::Release);
    });
    let ring = object.maps().find(|map| map.name() == "flows");
    let ring = ring.context("the object has no ring of the name flows")?;
    let mut rings = RingBufferBuilder::new();
    rings.add(&ring, |record| {
        each(record);
        0
    })?;
    let rings = rings.build()?;
    while !ended.load(Ordering::Acquire) {
        match rings.poll(WAIT) {
            // It was stopped and goes on.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            polled => polled?,
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: u64,
    count: u64,
    total_ns: u64,
}

/// What tests/bench/flow/handler.c keeps.
struct Seen {
    slots: Box<[Slot]>,
    durations: [u64; 64],
    events: u64,
    in_etc: u64,
    total_ns: u64,
    full: u64,
    next: u64,
    lost: u64,
    duplicated: u64,
}

impl Seen {
    fn new() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS].into_boxed_slice(),
            durations: [0; 64],
            events: 0,
            in_etc: 0,
            total_ns: 0,
            full: 0,
            next: 0,
            lost: 0,
            duplicated: 0,
        }
    }

    #[inline]
    fn count(&mut self, record: &[u8]) {
        let Some(event) = record.first_chunk::<EVENT_BYTES>() else {
            return;
        };
        let number = word(event, 0);
        if number != self.next {
            match number.checked_sub(self.next) {
                Some(gap) => self.lost += gap,
                None => self.duplicated += 1,
            }
        }
        self.next = number + 1;
        self.events += 1;
        let duration_ns = word(event, 32);
        let tgid = word(event, 8) >> 32;
        let (first, second) = (word(event, 48), word(event, 56));
        let mut key = (first ^ second.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ tgid)
            .wrapping_mul(0xff51_afd7_ed55_8ccd);
        key ^= key >> 32;
        key = key.max(1);
        let Some(slot) = self.slot(key) else {
            self.full += 1;
            return;
        };
        slot.count += 1;
        slot.total_ns += duration_ns;
        self.durations[(duration_ns | 1).ilog2() as usize] += 1;
        self.in_etc += u64::from(event[64..].starts_with(b"/etc/"));
        self.total_ns += duration_ns;
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is below SLOTS"
    )]
    fn slot(&mut self, key: u64) -> Option<&mut Slot> {
        let mut at = key as usize % SLOTS;
        for _ in 0..SLOTS {
            if self.slots[at].key == key {
                return Some(&mut self.slots[at]);
            }
            if self.slots[at].key == 0 {
                self.slots[at].key = key;
                return Some(&mut self.slots[at]);
            }
            at = (at + 1) % SLOTS;
        }
        None
    }
}

#[inline]
fn word(event: &[u8; EVENT_BYTES], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&event[at..at + 8]);
    u64::from_ne_bytes(bytes)
}

/// The payload's handler, without a window.
fn guest(payload: &Contents) -> Result<Guest> {
    let asked = payload.manifest.handler.as_ref();
    let grant = Grant::asked(asked.context("the payload has no handler")?);
    let wasm = payload.handler.as_deref().context("nor its bytes")?;
    let world = World {
        maps: Arc::new(NoMaps),
        clock: Clock {
            now_mono_ns: || 0,
            now_wall_ns: || 0,
        },
        processes: false,
    };
    let ring = Ring {
        name: "flows".to_owned(),
        event: "event".to_owned(),
        size_bytes: 1 << 25,
        layout: Vec::new(),
    };
    let rings = [GuestRing {
        ring: &ring,
        memory: None,
    }];
    let mut guest = Engine::new(None)?
        .compile(wasm, &grant)?
        .guest(&rings, world)?;
    if let Err(reason) = guest.init(None)? {
        bail!("the handler does not begin: {reason}");
    }
    Ok(guest)
}
