//! A handler that does what each event tells it to do, and puts out what came of it, in the words of the
//! one in C beside it: all that the SDK for Rust has is used here. Compiled, and run in both lanes, by
//! the tests of the SDKs.
#![cfg_attr(target_arch = "wasm32", no_std)]

use guest::{
    log, until_nul, Counter, Gauge, Handler, Histogram, Level, Map, Object, Output, Reader, Reason,
    Records, Refusal, Start, Text, Writer,
};

/// Entries that a scan asks for.
const SCAN_MAX: usize = 2;
/// The longest output.
const OUTPUT_BYTES_MAX: usize = 4096;
/// The number of the ring whose records are added up.
const SPANS: &str = "spans";

/// What to do; the test and the handler in C have the same numbers.
mod what {
    pub const TEXT: u32 = 5;
    pub const NUMBER: u32 = 6;
    pub const LOOKUP: u32 = 8;
    pub const UPDATE: u32 = 9;
    pub const DELETE: u32 = 10;
    pub const SCAN: u32 = 11;
    pub const COUNT: u32 = 12;
    pub const OBSERVE: u32 = 13;
    pub const SETTING: u32 = 14;
    pub const PROCESS: u32 = 15;
    pub const LAYOUT: u32 = 16;
    pub const CLOCKS: u32 = 17;
    pub const LOG: u32 = 18;
    pub const LONG: u32 = 20;
    pub const SPEND: u32 = 22;
    pub const TRAP: u32 = 23;
}

guest::event! {
    struct Step {
        what: u32,
        key: u32,
        value: u64,
        text: [u8; 64],
    }
}

guest::event! {
    struct Number {
        number: u64,
    }
}

struct Sdk {
    steps: u64,
    spans: u64,
    spans_ring: Option<u32>,
    steps_ring: Option<u32>,
    /// What was counted by text.
    by_text: Option<Counter>,
}

/// As the host of the handler in C numbers them.
fn outcome<T>(result: &Result<T, Refusal>) -> u64 {
    match result {
        Ok(_) => 0,
        Err(Refusal::Denied) => 1,
        Err(Refusal::Absent) => 2,
        Err(Refusal::Limited) => 3,
        Err(Refusal::Invalid) => 4,
        Err(Refusal::Full) => 5,
        Err(Refusal::Failed) => 6,
    }
}

fn put(stream: &str, fill: impl FnOnce(&mut Object<'_, '_>)) -> Result<(), Refusal> {
    let mut room = [0; OUTPUT_BYTES_MAX];
    Output::new(&mut room).write(fill).emit(stream)
}

/// An output that must be taken.
fn tell(stream: &str, fill: impl FnOnce(&mut Object<'_, '_>)) {
    if let Err(refusal) = put(stream, fill) {
        log!(
            Level::Warn,
            "an output to {stream} was refused: {refusal:?}"
        );
    }
}

fn name(step: &Step) -> Text<64> {
    Text::of(&step.text)
}

fn use_text(step: &Step) {
    tell("text", |out| {
        if step.what == what::TEXT {
            out.text("text", &step.text);
            out.str("copy", Text::<11>::of(&step.text).as_str());
        } else {
            out.u64("u64", step.value);
            out.i64("s64", step.value as i64);
            out.f64("double", step.value as i64 as f64 / 1000.0);
        }
    });
}

/// What came of an access to a map.
#[derive(Default)]
struct Access {
    value: u64,
    /// Of the entries that were scanned.
    keys: [u32; SCAN_MAX],
    count: usize,
}

/// The numbers that stand before each value.
fn scanned(entries: &[u8]) -> Access {
    let (mut reader, mut access) = (Reader::new(0, entries), Access::default());
    while let (Some(key), Some(_)) = (reader.u32(), reader.u64()) {
        if let Some(room) = access.keys.get_mut(access.count) {
            *room = key;
        }
        access.count += 1;
    }
    access
}

fn ask_map(step: &Step) -> Result<Access, Refusal> {
    let map = Map::open("counts")?;
    let (key, mut value) = (step.key.to_le_bytes(), [0; 8]);
    let is_there = match step.what {
        what::LOOKUP => map.lookup(&key, &mut value)?,
        what::UPDATE => map.update(&key, &step.value.to_le_bytes()).map(|()| true)?,
        what::DELETE => map.delete(&key)?,
        _ => {
            let behind = (step.value != 0).then(|| &key[..]);
            return map.scan(behind, SCAN_MAX as u32, scanned);
        }
    };
    if !is_there {
        return Err(Refusal::Absent);
    }
    Ok(Access {
        value: u64::from_le_bytes(value),
        ..Access::default()
    })
}

fn use_map(step: &Step) {
    let result = ask_map(step);
    tell("map", |out| {
        out.u64("outcome", outcome(&result));
        let access = result.unwrap_or_default();
        out.u64("value", access.value);
        if step.what == what::SCAN {
            out.array("entries", |entries| {
                for key in access.keys.iter().take(access.count) {
                    entries.u64((*key).into());
                }
            });
        }
        out.u64("not_granted", outcome(&Map::open("not_granted")));
    });
}

fn ask(step: &Step) {
    let name = name(step);
    tell("answer", |out| match step.what {
        what::SETTING => {
            let text = guest::config(name.as_str(), |text| Text::<64>::of(text.as_bytes()));
            out.bool("is_there", text.is_some());
            out.str("text", text.unwrap_or_default().as_str());
            out.u64("number", guest::config_number(name.as_str(), 2..=100, 7));
        }
        what::PROCESS => {
            let told = guest::process(step.key, |process| {
                out.u64("parent", process.parent.into());
                out.u64("user", process.user.into());
                out.u64("started", process.started);
                out.str("command", process.command);
                out.u64("arguments_bytes", process.arguments.len() as u64);
                out.str("cgroup", process.cgroup);
            });
            if told.is_none() {
                log!(Level::Info, "there is no process {}", step.key);
            }
        }
        what::LAYOUT => guest::layout(step.key, |fields| {
            out.array("fields", |list| {
                for field in fields {
                    list.object(|one| {
                        one.str("name", field.name);
                        one.u64("offset_bits", field.offset_bits.into());
                        one.u64("size_bits", field.size_bits.into());
                    });
                }
            });
        }),
        _ => {
            out.u64("mono", guest::now_mono())
                .u64("wall", guest::now_wall());
        }
    });
}

fn go_to_bounds(step: &Step) {
    let result = put("bounds", |out| {
        if step.what == what::LONG {
            for _ in 0..step.value {
                out.text(name(step).as_str(), &step.text[..1]);
            }
        }
    });
    if step.what == what::SPEND {
        for _ in 0..step.value {
            guest::config(name(step).as_str(), |_| ());
        }
    }
    tell("bounds", |out| {
        out.u64("outcome", outcome(&result));
    });
}

impl Sdk {
    fn use_metrics(&mut self, step: &Step) -> Result<(), Refusal> {
        if step.what == what::OBSERVE {
            Histogram::open("sdk_values", &[])?.observe(step.value as f64 / 2.0);
            Gauge::open("sdk_last_value", &[])?.set(step.value as f64);
            return Ok(());
        }
        Counter::open("sdk_values_total", &["odd", "\u{e4}"])?.add(step.value);
        let by_text = match self.by_text {
            Some(open) => open,
            None => Counter::open("sdk_values_total", &["text", name(step).as_str()])?,
        };
        self.by_text = Some(by_text);
        by_text.add(step.key.into());
        Counter::open("sdk_not_declared", &[]).map(|counter| counter.add(1))
    }

    fn do_step(&mut self, step: &Step) {
        self.steps += 1;
        if let Ok(steps) = Counter::open("sdk_steps_total", &[]) {
            steps.add(1);
        }
        match step.what {
            what::TEXT | what::NUMBER => use_text(step),
            what::LOOKUP | what::UPDATE | what::DELETE | what::SCAN => use_map(step),
            what::COUNT | what::OBSERVE => {
                if let Err(refusal) = self.use_metrics(step) {
                    log!(Level::Warn, "a metric is not to be had: {refusal:?}");
                }
            }
            what::SETTING | what::PROCESS | what::LAYOUT | what::CLOCKS => ask(step),
            what::LOG => {
                let level = [Level::Error, Level::Warn, Level::Info, Level::Debug];
                let level = level[step.key as usize % level.len()];
                log!(level, "{}: {}", name(step).as_str(), step.value);
            }
            what::LONG | what::SPEND => go_to_bounds(step),
            what::TRAP => panic!("told to: {}", until_nul(&step.text).len()),
            _ => {}
        }
    }

    /// Tells how many records a span had, and what they add up to.
    fn add_up(&mut self, records: &mut Records<'_>) {
        let (mut sum, mut count) = (0, 0);
        for one in records.events::<Number>() {
            sum += one.number;
            count += 1;
        }
        self.spans += 1;
        tell("span", |out| {
            out.u64("sum", sum);
            out.u64("records", count);
            out.u64("short", records.short().into());
        });
    }
}

impl Handler for Sdk {
    const NEW: Self = Self {
        steps: 0,
        spans: 0,
        spans_ring: None,
        steps_ring: None,
        by_text: None,
    };

    fn start(&mut self, start: &Start<'_>) -> Result<(), &'static str> {
        if let Some(mut state) = start.previous() {
            match state.schema() {
                1 => self.steps = state.u64().ok_or("only schema 1 is understood")?,
                3 => {
                    self.steps = state.u64().ok_or("the state is too short")?;
                    self.spans = state.u64().ok_or("the state is too short")?;
                }
                _ => return Err("only schema 1 is understood"),
            }
            if !state.is_at_end() {
                return Err("the state is too long");
            }
        }
        self.spans_ring = start.ring(SPANS);
        self.steps_ring = start.ring("steps");
        start.ring("steps").ok_or("the payload has no ring steps")?;
        let yes = guest::config("start", |text| text == "yes");
        match yes {
            Some(false) => Err("the setting says no"),
            _ => Ok(()),
        }
    }

    fn on_events(&mut self, ring: u32, records: &mut Records<'_>) {
        if Some(ring) == self.spans_ring {
            return self.add_up(records);
        }
        if Some(ring) == self.steps_ring {
            records.events::<Step>().for_each(|step| self.do_step(step));
        }
    }

    fn on_tick(&mut self, now_ns: u64) {
        tell("tick", |out| {
            out.u64("now_ns", now_ns);
            out.u64("steps", self.steps).u64("spans", self.spans);
        });
    }

    fn snapshot(&self, state: &mut Writer<'_>) {
        state.u64(self.steps);
        state.u64(self.spans);
    }

    fn shutdown(&mut self, reason: Reason) {
        log!(Level::Debug, "shut down for reason {}", reason as u32);
    }
}

guest::handler!(Sdk, schema = 3, accepts = [1, 2]);
