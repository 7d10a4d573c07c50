//! The reader: one thread an instance, which reads the rings of the generation in charge, decodes
//! and hands on. It changes generation only after the old rings are read to their end, so that no
//! record overtakes an older one. Started and commanded by the engine.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use api::node::RingProof;

use super::counters::Counters;
use super::source::{Batch, Source};
use crate::kernel::sys::Epoll;
use crate::sink::Sinks;

/// The longest sleep: programs that submit with `BPF_RB_NO_WAKEUP` are still read this often.
const SLEEP_MAX: Duration = Duration::from_millis(100);
/// How long a drain waits for a record that is reserved and never submitted. After a grace period
/// only a timer or work queue of the old generation can hold one.
const BUSY_WAIT_MAX: Duration = Duration::from_millis(100);
/// Commands that may wait; the engine sends one at a time.
const COMMANDS_MAX: usize = 4;

/// What the engine asks of the reader.
enum Command {
    /// Read the old sources to their end, then go on with these.
    Adopt(Vec<Source>, SyncSender<Drained>),
    /// Read the sources to their end, then end.
    Finish(SyncSender<Drained>),
}

/// What a drain found.
pub(crate) struct Drained {
    /// Records that were read since the old generation took over.
    pub(crate) events: u64,
    /// Those of them that were read by the drain.
    pub(crate) after_flip: u64,
    /// How long the drain took.
    pub(crate) drain: Duration,
    /// When it ended, and the first of the new sources was looked at.
    pub(crate) ended_at: Instant,
    /// The new rings at that moment.
    pub(crate) rings: Vec<RingProof>,
    /// What was read until now, for whoever may want to go on with it.
    pub(crate) released: Vec<Source>,
}

/// A running reader.
pub(crate) struct Reader {
    commands: SyncSender<Command>,
    bell: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// The reader's thread has ended, which only a panic in it can cause.
#[derive(Debug, thiserror::Error)]
#[error("the reader of this instance has died; stop the instance and start it again")]
pub(crate) struct ReaderDead;

impl Reader {
    /// Starts a reader. A ring of which another daemon was handing something out when it was killed
    /// ([`Source::is_replaying`]) must be among these sources, not among those of a later `adopt`:
    /// that is handed out before anything else.
    ///
    /// # Errors
    /// Where the machine gives no descriptor or thread.
    pub(crate) fn start(
        name: &str,
        sources: Vec<Source>,
        sinks: Sinks,
        counters: Arc<Counters>,
        now_us: fn() -> u64,
    ) -> io::Result<Self> {
        let (bell, ear) = UnixStream::pair()?;
        ear.set_nonblocking(true)?;
        let (commands, inbox) = sync_channel(COMMANDS_MAX);
        let epoll = watch(&ear, &sources)?;
        let state = State {
            sources,
            sinks,
            counters,
            inbox,
            ear,
            epoll,
            batch: Batch::default(),
            events: 0,
            now_us,
        };
        let thread = std::thread::Builder::new()
            .name(format!("read {name}"))
            .spawn(move || state.run())?;
        Ok(Self {
            commands,
            bell,
            thread: Some(thread),
        })
    }

    /// Has the old sources read to their end and goes on with `sources`. Call it after the grace
    /// period: from then on nothing writes to the old rings.
    ///
    /// # Errors
    /// Where the reader's thread has died.
    pub(crate) fn adopt(&mut self, sources: Vec<Source>) -> Result<Drained, ReaderDead> {
        self.command(|reply| Command::Adopt(sources, reply))
    }

    /// Has the sources read to their end and ends the thread.
    ///
    /// # Errors
    /// Where the reader's thread has died.
    pub(crate) fn finish(mut self) -> Result<Drained, ReaderDead> {
        let drained = self.command(Command::Finish)?;
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_panic| ReaderDead)?;
        }
        Ok(drained)
    }

    /// Has it end after what it is just handing out: the rest is left for who reads next.
    pub(crate) fn leave(&mut self) {
        let (commands, _inbox) = sync_channel(COMMANDS_MAX);
        self.commands = commands;
        // One that has died has nothing to end.
        let _rung = self.bell.write_all(&[0]);
        if let Some(thread) = self.thread.take() {
            let _died = thread.join();
        }
    }

    /// Whether its thread has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn command(
        &mut self,
        make: impl FnOnce(SyncSender<Drained>) -> Command,
    ) -> Result<Drained, ReaderDead> {
        let (reply, answer) = sync_channel(1);
        self.commands.send(make(reply)).map_err(|_| ReaderDead)?;
        self.bell.write_all(&[0]).map_err(|_| ReaderDead)?;
        answer.recv().map_err(|_| ReaderDead)
    }
}

fn watch(ear: &UnixStream, sources: &[Source]) -> io::Result<Epoll> {
    let epoll = Epoll::new()?;
    epoll.add(ear.as_fd())?;
    for source in sources {
        epoll.add(source.fd())?;
    }
    Ok(epoll)
}

struct State {
    sources: Vec<Source>,
    sinks: Sinks,
    counters: Arc<Counters>,
    inbox: Receiver<Command>,
    ear: UnixStream,
    epoll: Epoll,
    batch: Batch,
    /// Records of the generation in charge.
    events: u64,
    /// Microseconds since 1970.
    now_us: fn() -> u64,
}

impl State {
    fn run(mut self) {
        self.replay();
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Adopt(sources, reply)) => {
                    let drained = self.adopt(sources);
                    let _engine_gone = reply.send(drained);
                }
                Ok(Command::Finish(reply)) => {
                    let drained = self.drain();
                    self.sinks.flush();
                    let _engine_gone = reply.send(drained);
                    return;
                }
                // The engine dropped the instance without a word, or leaves it to another daemon.
                Err(TryRecvError::Disconnected) => {
                    self.sinks.flush();
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

    /// What was being handed out when another daemon was killed comes before anything else, so that
    /// it is still the last that a file holds when this daemon is killed as well.
    fn replay(&mut self) {
        while self.pass_over(Source::is_replaying) {}
    }

    /// One span of every source. Returns false when nothing was there.
    fn pass(&mut self) -> bool {
        self.pass_over(|_| true)
    }

    fn pass_over(&mut self, wanted: impl Fn(&Source) -> bool) -> bool {
        let mut moved = false;
        let Self {
            sources,
            sinks,
            counters,
            batch,
            events,
            now_us,
            ..
        } = self;
        for source in sources.iter_mut().filter(|source| wanted(source)) {
            let passed = source.pass(batch, now_us(), |batch| {
                counters.add_batch(batch.decoded, batch.malformed);
                *events += batch.decoded + batch.malformed;
                if batch.replayed {
                    sinks.replay(&batch.lines, batch.decoded);
                } else {
                    sinks.deliver(&batch.lines, batch.decoded);
                }
            });
            // A perf buffer that can't be read now is read again after the next sleep.
            moved |= passed.unwrap_or(false);
            counters.add_perf_lost(source.perf_lost());
        }
        moved
    }

    fn sleep(&mut self) {
        self.sinks.flush();
        if self.epoll.wait(SLEEP_MAX).is_err() {
            std::thread::sleep(SLEEP_MAX);
        }
        let mut rung = [0; 16];
        let _nothing_rung = self.ear.read(&mut rung);
    }

    fn drain(&mut self) -> Drained {
        let started = Instant::now();
        let before = self.events;
        loop {
            if self.pass() {
                continue;
            }
            if !self.sources.iter().any(Source::has_pending) || started.elapsed() > BUSY_WAIT_MAX {
                break;
            }
            std::thread::yield_now();
        }
        Drained {
            events: self.events,
            after_flip: self.events - before,
            drain: started.elapsed(),
            ended_at: Instant::now(),
            rings: Vec::new(),
            released: Vec::new(),
        }
    }

    fn adopt(&mut self, mut sources: Vec<Source>) -> Drained {
        let mut drained = self.drain();
        sources.iter_mut().for_each(Source::begin_anew);
        drained.rings = sources.iter().filter_map(Source::ring_proof).collect();
        // Without an epoll of the new sources they are still read, every `SLEEP_MAX`.
        if let Ok(epoll) = watch(&self.ear, &sources) {
            self.epoll = epoll;
        }
        drained.released = std::mem::replace(&mut self.sources, sources);
        self.events = 0;
        drained
    }
}
