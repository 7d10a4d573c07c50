//! What becomes of each start of a program: see README.md in the folder above.
#![cfg_attr(target_arch = "wasm32", no_std)]

use guest::{log, Counter, Handler, Level, Output, Records, Start, Writer};

/// The longest output.
const OUTPUT_BYTES_MAX: usize = 512;

guest::event! {
    /// A start, as the object writes it.
    struct Event {
        pid: u32,
        uid: u32,
        comm: [u8; 16],
    }
}

struct Starts {
    /// What goes on when this handler is replaced.
    number: u64,
    tell_each: bool,
    counter: Option<Counter>,
}

impl Starts {
    fn tell(&self, start: &Event) {
        let mut room = [0; OUTPUT_BYTES_MAX];
        let mut output = Output::new(&mut room);
        output.write(|event| {
            event.u64("number", self.number);
            event.u64("pid", start.pid.into());
            event.u64("uid", start.uid.into());
            event.text("comm", &start.comm);
        });
        if let Err(refusal) = output.emit("start") {
            log!(Level::Warn, "a start was not put out: {refusal:?}");
        }
    }
}

impl Handler for Starts {
    const NEW: Self = Self {
        number: 0,
        tell_each: true,
        counter: None,
    };

    fn start(&mut self, start: &Start<'_>) -> Result<(), &'static str> {
        if let Some(mut state) = start.previous() {
            self.number = state.u64().ok_or("the state is too short")?;
        }
        self.tell_each = guest::config_number("tell_each", 0..=1, 1) == 1;
        // A metric that payload.toml declares.
        self.counter = Counter::open("metric_prefix_starts_total", &[]).ok();
        Ok(())
    }

    fn on_events(&mut self, _ring: u32, records: &mut Records<'_>) {
        for event in records.events::<Event>() {
            self.number += 1;
            if self.tell_each {
                self.tell(&event);
            }
            if let Some(counter) = self.counter {
                counter.add(1);
            }
        }
    }

    fn snapshot(&self, state: &mut Writer<'_>) {
        state.u64(self.number);
    }
}

// The number of what the state means: another one when `snapshot` writes something else.
guest::handler!(Starts, schema = 1, accepts = []);
