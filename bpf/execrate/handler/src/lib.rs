//! How many programs each user starts in a second, and who starts them in bursts. The handler of the
//! payload `execrate`, and the example of one in Rust. Must never hold more users than it has room for.
#![cfg_attr(target_arch = "wasm32", no_std)]

use guest::{log, Counter, Gauge, Handler, Level, Output, Records, Start, Writer};

/// Users that are counted; those beyond are counted together.
const USERS_MAX: usize = 64;
/// The user that stands for all others: the one that no process has.
const OTHERS: u32 = u32::MAX;
/// The longest output.
const OUTPUT_BYTES_MAX: usize = 512;

guest::event! {
    /// A start, as the object writes it.
    struct Event {
        pid: u32,
        uid: u32,
        cgroup_id: u64,
        comm: [u8; 16],
    }
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    /// Since the last tick.
    starts: u64,
    /// The last of them.
    comm: [u8; 16],
}

struct Rate {
    users: [User; USERS_MAX],
    count: usize,
    /// Since the first handler that began fresh.
    all: u64,
    burst_per_s: u64,
    starts: Option<Counter>,
    busiest: Option<Gauge>,
}

impl Rate {
    /// The user with this id, or the one that stands for all that have no place.
    fn user(&mut self, uid: u32) -> &mut User {
        let known = &self.users[..self.count];
        let place = known.iter().position(|user| user.uid == uid);
        let place = place.unwrap_or_else(|| {
            let last = USERS_MAX - 1;
            if self.count <= last {
                self.users[self.count].uid = if self.count == last { OTHERS } else { uid };
                self.count += 1;
            }
            self.count - 1
        });
        &mut self.users[place]
    }

    fn tell_burst(user: &User) {
        let mut room = [0; OUTPUT_BYTES_MAX];
        let mut output = Output::new(&mut room);
        output.write(|event| {
            event.u64("uid", user.uid.into());
            event.u64("starts_per_s", user.starts);
            event.text("last_comm", &user.comm);
        });
        if let Err(refusal) = output.emit("burst") {
            log!(
                Level::Warn,
                "a burst of user {} was not put out: {refusal:?}",
                user.uid
            );
        }
    }
}

impl Handler for Rate {
    const NEW: Self = Self {
        users: [User {
            uid: 0,
            starts: 0,
            comm: [0; 16],
        }; USERS_MAX],
        count: 0,
        all: 0,
        burst_per_s: 0,
        starts: None,
        busiest: None,
    };

    fn start(&mut self, start: &Start<'_>) -> Result<(), &'static str> {
        if let Some(mut state) = start.previous() {
            self.all = state.u64().ok_or("the state is too short")?;
        }
        self.burst_per_s = guest::config_number("burst_per_s", 1..=1_000_000, 100);
        self.starts = Counter::open("execrate_starts_total", &[]).ok();
        self.busiest = Gauge::open("execrate_busiest_starts_per_s", &[]).ok();
        Ok(())
    }

    fn on_events(&mut self, _ring: u32, records: &mut Records<'_>) {
        let before = self.all;
        for event in records.events::<Event>() {
            let user = self.user(event.uid);
            user.starts += 1;
            user.comm = event.comm;
            self.all += 1;
        }
        if let Some(starts) = self.starts {
            starts.add(self.all - before);
        }
    }

    fn on_tick(&mut self, _now_ns: u64) {
        let users = &self.users[..self.count];
        let bursts = users.iter().filter(|user| user.starts >= self.burst_per_s);
        bursts.for_each(Self::tell_burst);
        let busiest = users.iter().map(|user| user.starts).max().unwrap_or(0);
        if let Some(gauge) = self.busiest {
            gauge.set(busiest as f64);
        }
        self.count = 0;
        self.users.iter_mut().for_each(|user| user.starts = 0);
    }

    fn snapshot(&self, state: &mut Writer<'_>) {
        state.u64(self.all);
    }
}

guest::handler!(Rate, schema = 1, accepts = []);
