//! The reader's thread: passes over the feed, sleeps, carries out what the engine asks for. A part of
//! `reader`. Must never leave a feed before it is read to its end.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use super::super::counters::Counters;
use super::super::feed::{Feed, Now, Out, Turned, Wait};
use super::super::handling::Tell;
use super::super::source::{Batch, Source};
use super::{Command, Drained, Replaced};
use crate::kernel::sys::Epoll;
use crate::sink::Sinks;

/// How long a drain waits for a record that is reserved and never submitted. After a grace period
/// only a timer or work queue of the old generation can hold one.
const BUSY_WAIT_MAX: Duration = Duration::from_millis(100);
/// Between two looks at rings that nobody is woken for.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// The longest sleep: programs that submit with `BPF_RB_NO_WAKEUP` are still read this often.
const SLEEP_MAX: Duration = Duration::from_millis(100);

fn watch(ear: &UnixStream, feed: &Feed) -> io::Result<Epoll> {
    let epoll = Epoll::new()?;
    epoll.add(ear.as_fd())?;
    for source in feed.sources() {
        epoll.add(source.fd())?;
    }
    Ok(epoll)
}

pub(super) struct State {
    feed: Feed,
    outlet: Outlet,
    inbox: Receiver<Command>,
    ear: UnixStream,
    epoll: Epoll,
    batch: Batch,
    /// Microseconds since 1970.
    now_us: fn() -> u64,
    began: Instant,
}

/// Where batches go, and what they are counted by.
pub(super) struct Outlet {
    pub(super) sinks: Sinks,
    pub(super) counters: Arc<Counters>,
    /// Records of the generation in charge.
    pub(super) events: u64,
    pub(super) tell: Box<Tell>,
}

impl State {
    /// Ready to read this feed into this outlet; asked through `inbox`, and woken by `ear`.
    pub(super) fn new(
        (feed, outlet): (Feed, Outlet),
        (inbox, ear): (Receiver<Command>, UnixStream),
        now_us: fn() -> u64,
    ) -> io::Result<Self> {
        let epoll = watch(&ear, &feed)?;
        Ok(Self {
            feed,
            outlet,
            inbox,
            ear,
            epoll,
            batch: Batch::default(),
            now_us,
            began: Instant::now(),
        })
    }

    pub(super) fn run(mut self) {
        self.replay();
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Finish(reply)) => {
                    let drained = self.drain();
                    self.with_feed(Feed::shut_down);
                    self.outlet.sinks.flush();
                    let _engine_gone = reply.send(drained);
                    return;
                }
                Ok(command) => self.carry_out(command),
                // The engine dropped the instance without a word, or leaves it to another daemon.
                Err(TryRecvError::Disconnected) => {
                    self.with_feed(|feed, _, now, out| feed.settle(now, out));
                    self.outlet.sinks.flush();
                    return;
                }
                Err(TryRecvError::Empty) => {
                    if !self.pass() {
                        self.sleep();
                    }
                }
            }
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Adopt(feed, reply) => {
                let drained = self.adopt(*feed);
                let _engine_gone = reply.send(drained);
            }
            Command::Replace(next, generation, reply) => {
                let replaced = self.turn(|feed, _, now, out| {
                    let begun = feed.replace(*next, generation, now, out);
                    begun.map(Turned::Begun)
                });
                let _engine_gone = reply.send(replaced);
            }
            Command::Restore(reply) => {
                let replaced = self.turn(|feed, _, now, out| feed.restore(now, out).ok_or(()));
                let _engine_gone = reply.send(replaced.ok());
            }
            Command::Forget(reply) => {
                self.feed.forget();
                let _engine_gone = reply.send(());
            }
            Command::State(reply) => {
                let state = self.with_feed(|feed, _, now, out| feed.told_state(now, out));
                let _engine_gone = reply.send(state);
            }
            // Carried out by whoever ends the thread.
            Command::Finish(_) => {}
        }
    }

    /// What was being handed out when another daemon was killed comes before anything else, so that
    /// it is still the last that a file holds when this daemon is killed as well.
    fn replay(&mut self) {
        while self
            .with_feed(|feed, batch, now, out| feed.pass(Source::is_replaying, batch, now, out))
        {
        }
    }

    /// One span of every source. Returns false when nothing was there.
    fn pass(&mut self) -> bool {
        let moved = self.with_feed(|feed, batch, now, out| {
            feed.look_at_the_clock(batch, now, out);
            feed.pass(|_| true, batch, now, out)
        });
        self.outlet.counters.add_perf_lost(self.feed.perf_lost());
        moved
    }

    fn with_feed<T>(
        &mut self,
        act: impl FnOnce(&mut Feed, &mut Batch, Now, &mut Out<'_>) -> T,
    ) -> T {
        let Outlet {
            sinks,
            counters,
            events,
            tell,
        } = &mut self.outlet;
        let now = Now {
            wall_us: (self.now_us)(),
            ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let mut deliver = |batch: &Batch| {
            counters.add_batch(batch);
            *events += batch.records();
            if batch.replayed {
                sinks.replay(&batch.lines, batch.outputs());
            } else {
                sinks.deliver(&batch.lines, batch.outputs());
            }
        };
        let mut out = Out {
            deliver: &mut deliver,
            tell: &**tell,
        };
        act(&mut self.feed, &mut self.batch, now, &mut out)
    }

    /// One handler follows another on the same rings.
    fn turn<E>(
        &mut self,
        act: impl FnOnce(&mut Feed, &mut Batch, Now, &mut Out<'_>) -> Result<Turned, E>,
    ) -> Result<Replaced, E> {
        let started = Instant::now();
        let turned = self.with_feed(act)?;
        let ended_at = Instant::now();
        Ok(Replaced {
            events: std::mem::take(&mut self.outlet.events),
            turned,
            pause: ended_at.duration_since(started),
            ended_at,
        })
    }

    fn sleep(&mut self) {
        let wait = self.with_feed(|feed, _, now, out| feed.before_sleep(now, out));
        self.outlet.sinks.flush();
        match wait {
            Wait::Not => return,
            Wait::Looking => std::thread::sleep(LOOK_EVERY),
            Wait::Woken => {
                if self.epoll.wait(SLEEP_MAX).is_err() {
                    std::thread::sleep(SLEEP_MAX);
                }
            }
        }
        let mut rung = [0; 16];
        let _nothing_rung = self.ear.read(&mut rung);
    }

    fn drain(&mut self) -> Drained {
        let started = Instant::now();
        let before = self.outlet.events;
        loop {
            if self.pass() {
                continue;
            }
            if !self.feed.has_pending() || started.elapsed() > BUSY_WAIT_MAX {
                break;
            }
            std::thread::yield_now();
        }
        self.with_feed(|feed, _, now, out| feed.settle(now, out));
        Drained {
            events: self.outlet.events,
            after_flip: self.outlet.events - before,
            drain: started.elapsed(),
            pause: None,
            ended_at: Instant::now(),
            rings: Vec::new(),
            released: Feed::default(),
            turned: Turned::None,
        }
    }

    fn adopt(&mut self, feed: Feed) -> Drained {
        let mut drained = self.drain();
        drained.rings = feed
            .sources()
            .iter()
            .filter_map(Source::ring_proof)
            .collect();
        // Without an epoll of the new sources they are still read, every `SLEEP_MAX`.
        if let Ok(epoll) = watch(&self.ear, &feed) {
            self.epoll = epoll;
        }
        let before = std::mem::replace(&mut self.feed, feed);
        drained.turned = self.with_feed(|feed, _, now, out| feed.take_over(&before, now, out));
        drained.ended_at = Instant::now();
        drained.released = before;
        self.outlet.events = 0;
        drained
    }
}
