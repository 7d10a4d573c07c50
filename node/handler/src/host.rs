//! What guests ask of their node: one set of functions, which both lanes call.
//! Must never do anything for a guest that its grant does not say, nor keep more than its limits.

mod bucket;
mod entries;
mod json;
mod meters;
mod process;

use std::sync::Arc;

use wasmtime::ResourceLimiter;
use wasmtime::component::{ComponentType, Lower};

use crate::call::Call;
use crate::effects::{Effects, Emitted, Level};
use crate::fault::Fault;
use crate::grant::{Field, Grant, Ring};
use crate::world::World;
use bucket::Bucket;
use entries::Entries;
use meters::Meters;
pub(crate) use process::Process;

/// Bytes of all arguments of one call of a host function.
pub(crate) const ARGUMENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of what a guest says where it can't go on.
pub(crate) const INIT_ERROR_BYTES_MAX: u32 = 4 << 10;
/// Bytes of one output.
const EVENT_BYTES_MAX: usize = 64 << 10;
/// Bytes of the name of an output's stream.
const STREAM_BYTES_MAX: usize = 64;
/// Bytes of a line of the log; the rest is left out.
const LOG_LINE_BYTES_MAX: usize = 1 << 10;
/// Elements of all tables of a guest.
const TABLE_ELEMENTS_MAX: usize = 1 << 16;
/// Tables, memories and instances of a guest: a component is made of several.
const PARTS_MAX: usize = 64;

/// Why the node did not do what it was asked: `refusal` of the contract, by its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Refusal {
    /// Not declared with that right.
    #[component(name = "denied")]
    Denied,
    /// No such thing.
    #[component(name = "absent")]
    Absent,
    /// More than a limit.
    #[component(name = "limited")]
    Limited,
    /// Of another form.
    #[component(name = "invalid")]
    Invalid,
    /// As many as there may be.
    #[component(name = "full")]
    Full,
    /// What the kernel said is in the log.
    #[component(name = "failed")]
    Failed,
}

/// The node's side of one guest.
pub(crate) struct Host {
    /// What the guest may do.
    pub(crate) grant: Arc<Grant>,
    /// What is around it.
    pub(crate) world: World,
    /// What it reads.
    pub(crate) rings: Vec<Ring>,
    /// What it asked for.
    pub(crate) effects: Effects,
    /// The call that runs.
    pub(crate) call: Call,
    /// What its memory may grow to.
    pub(crate) room: Room,
    /// Room for what a host function was given.
    pub(crate) scratch: String,
    /// Whether it is shown again what it has handled already.
    pub(crate) is_suppressed: bool,
    emits: Bucket,
    emit_bytes: Bucket,
    log_lines: Bucket,
    meters: Meters,
    entries: Entries,
}

impl AsMut<Host> for Host {
    fn as_mut(&mut self) -> &mut Host {
        self
    }
}

impl Host {
    /// A guest's side that nothing was asked of.
    pub(crate) fn new(grant: Arc<Grant>, world: World, rings: Vec<Ring>) -> Self {
        let limits = grant.limits;
        Self {
            emits: Bucket::new(limits.emits_per_s_max),
            emit_bytes: Bucket::new(limits.emit_bytes_per_s_max),
            log_lines: Bucket::new(limits.log_lines_per_s_max),
            room: Room::new(limits.memory_bytes_max),
            grant,
            world,
            rings,
            effects: Effects::default(),
            call: Call::none(),
            scratch: String::new(),
            is_suppressed: false,
            meters: Meters::default(),
            entries: Entries::default(),
        }
    }

    /// What the error means that ended the call that runs.
    pub(crate) fn fault(&self, error: wasmtime::Error) -> Fault {
        let fault = Fault::of(error, self.call.name);
        match (&fault, self.room.refused_bytes) {
            // The engine says it in pages, and of one memory.
            (Fault::Contract { call: "start", .. }, Some(asked)) => Fault::Contract {
                call: "start",
                reason: format!(
                    "its memory begins with {asked} bytes, at most {} are allowed",
                    self.room.bytes_max
                ),
            },
            _ => fault,
        }
    }

    /// Whether another line of the log is within the limit; it is counted where it is not.
    pub(crate) fn takes_line(&mut self) -> bool {
        if self.is_suppressed {
            return false;
        }
        let takes = self.log_lines.holds(1, self.now_mono_ns());
        if takes {
            self.log_lines.take(1);
        } else {
            self.effects.log_dropped += 1;
        }
        takes
    }

    /// A line that [`takes_line`](Self::takes_line) has allowed.
    pub(crate) fn log(&mut self, level: Level, message: &str) {
        self.effects.log.push((level, line(message)));
    }

    /// An output.
    pub(crate) fn emit(&mut self, stream: &str, event: &str) -> Result<(), Refusal> {
        let done = self.output(stream, event);
        if done.is_err() {
            self.effects.emits_refused += 1;
        }
        done
    }

    fn output(&mut self, stream: &str, event: &str) -> Result<(), Refusal> {
        if stream.len() > STREAM_BYTES_MAX || event.len() > EVENT_BYTES_MAX {
            return Err(Refusal::Limited);
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if stream.is_empty() || !stream.bytes().all(is_name) {
            return Err(Refusal::Invalid);
        }
        let event = json::object(event).ok_or(Refusal::Invalid)?;
        let event_bytes = u32::try_from(event.len()).map_err(|_| Refusal::Limited)?;
        self.take_output(event_bytes)?;
        let text = &mut self.effects.text;
        let start = text.len();
        text.extend(stream.as_bytes());
        let middle = text.len();
        // Inside of strings JSON has no raw control characters: these only part values.
        text.extend(
            event
                .bytes()
                .map(|byte| if byte < b' ' { b' ' } else { byte }),
        );
        let end = text.len();
        self.effects.emitted.push(Emitted {
            stream: start..middle,
            event: middle..end,
        });
        Ok(())
    }

    /// Holds the limits of a second, and the same for what waits to be taken.
    fn take_output(&mut self, event_bytes: u32) -> Result<(), Refusal> {
        let limits = &self.grant.limits;
        let waits = &self.effects;
        let outputs_max = limits.emits_per_s_max as usize;
        let names_bytes_max = outputs_max.saturating_mul(STREAM_BYTES_MAX);
        let text_bytes_max = names_bytes_max.saturating_add(limits.emit_bytes_per_s_max as usize);
        if waits.emitted.len() >= outputs_max
            || waits.text.len() + event_bytes as usize + STREAM_BYTES_MAX > text_bytes_max
        {
            return Err(Refusal::Limited);
        }
        if self.is_suppressed {
            return Ok(());
        }
        let now_ns = self.now_mono_ns();
        if !self.emits.holds(1, now_ns) || !self.emit_bytes.holds(event_bytes, now_ns) {
            return Err(Refusal::Limited);
        }
        self.emits.take(1);
        self.emit_bytes.take(event_bytes);
        Ok(())
    }

    /// Nanoseconds of the clock that programs read.
    pub(crate) fn now_mono_ns(&self) -> u64 {
        (self.world.clock.now_mono_ns)()
    }

    /// Nanoseconds since 1970.
    pub(crate) fn now_wall_ns(&self) -> u64 {
        (self.world.clock.now_wall_ns)()
    }

    /// A setting.
    pub(crate) fn config(&self, key: &str) -> Option<&str> {
        self.grant.config.get(key).map(String::as_str)
    }

    /// The fields of a ring's struct; none for a ring that there is not.
    pub(crate) fn layout(&self, ring: u32) -> &[Field] {
        let ring = self.rings.get(ring as usize);
        ring.map_or(&[], |ring| ring.layout.as_slice())
    }

    /// Bytes of records that a ring holds.
    pub(crate) fn ring_bytes(&self, ring: usize) -> Result<u32, Fault> {
        let found = self.rings.get(ring).map(|ring| ring.size_bytes);
        found.ok_or_else(|| Fault::Contract {
            call: "on-events",
            reason: format!("there is no ring {ring}"),
        })
    }

    /// Checks the length of a state that a guest gives.
    pub(crate) fn check_state(&self, bytes: usize) -> Result<(), Fault> {
        let bytes_max = self.grant.limits.state_bytes_max;
        if bytes <= bytes_max as usize {
            return Ok(());
        }
        Err(Fault::Contract {
            call: "snapshot",
            reason: format!("the state has {bytes} bytes, at most {bytes_max} are allowed"),
        })
    }

    /// What is known of a process, if the guest may be told.
    pub(crate) fn process(&self, pid: u32) -> Option<Process> {
        self.world.processes.then(|| Process::of(pid)).flatten()
    }
}

/// A line as the log takes it: bounded, without control characters.
fn line(message: &str) -> String {
    let mut line = String::with_capacity(message.len().min(LOG_LINE_BYTES_MAX));
    for character in message.chars() {
        let bytes = line.len();
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        if line.len() > LOG_LINE_BYTES_MAX {
            line.truncate(bytes);
            break;
        }
    }
    line
}

/// How far a guest's memory may grow.
#[derive(Debug)]
pub(crate) struct Room {
    /// Bytes that it may have, windows included.
    pub(crate) bytes_max: u64,
    bytes: u64,
    elements: usize,
    /// What the last refusal would have led to.
    refused_bytes: Option<u64>,
}

impl Room {
    fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            elements: 0,
            refused_bytes: None,
        }
    }
}

impl ResourceLimiter for Host {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let asked = (desired as u64).saturating_sub(current as u64);
        let bytes = self.room.bytes.saturating_add(asked);
        if bytes <= self.room.bytes_max {
            self.room.bytes = bytes;
            return Ok(true);
        }
        self.room.refused_bytes = Some(bytes);
        self.effects.growths_refused += 1;
        Ok(false)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self.room.elements + desired.saturating_sub(current);
        let fits = elements <= TABLE_ELEMENTS_MAX;
        if fits {
            self.room.elements = elements;
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        PARTS_MAX
    }

    fn memories(&self) -> usize {
        PARTS_MAX
    }
}
