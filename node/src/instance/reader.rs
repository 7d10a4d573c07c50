//! The reader: one thread an instance, which reads the rings of the generation in charge, has its
//! handler handle them or decodes them, and hands on. It changes generation only after the old rings
//! are read to their end, so that no record overtakes an older one. Started and commanded by the engine.

#[cfg(test)]
mod tests;
mod work;

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use api::node::RingProof;

use handler::State as HandlerState;

use super::counters::Counters;
use super::feed::{Feed, Turned};
use super::handling::{BeginError, Handling, Tell};
use crate::sink::Sinks;
use work::{Outlet, State};

/// Commands that may wait; the engine sends one at a time.
const COMMANDS_MAX: usize = 4;

/// What the engine asks of the reader.
enum Command {
    /// Read the old feed to its end, then go on with this one.
    Adopt(Box<Feed>, SyncSender<Drained>),
    /// Go on with this handler on the same rings, as that of this generation.
    Replace(Box<Handling>, u64, SyncSender<Result<Replaced, BeginError>>),
    /// Go on with the handler of before on the same rings.
    Restore(SyncSender<Option<Replaced>>),
    /// The handler of before is not needed any more.
    Forget(SyncSender<()>),
    /// Tell the handler's state.
    State(SyncSender<Option<HandlerState>>),
    /// Read the sources to their end, then end.
    Finish(SyncSender<Drained>),
}

/// What came of replacing a handler alone.
pub(crate) struct Replaced {
    /// Records that were read since the generation that was left took over.
    pub(crate) events: u64,
    /// How the handler took over.
    pub(crate) turned: Turned,
    /// From the last call of the one handler to the readiness of the other.
    pub(crate) pause: Duration,
    /// When it was over.
    pub(crate) ended_at: Instant,
}

/// What a drain found.
pub(crate) struct Drained {
    /// Records that were read since the old generation took over.
    pub(crate) events: u64,
    /// Those of them that were read by the drain.
    pub(crate) after_flip: u64,
    /// How long the drain took.
    pub(crate) drain: Duration,
    /// The reader's pause, where that was not what passed since the flip.
    pub(crate) pause: Option<Duration>,
    /// When it ended, and the first of the new sources was looked at.
    pub(crate) ended_at: Instant,
    /// The new rings at that moment.
    pub(crate) rings: Vec<RingProof>,
    /// What was read until now, for whoever may want to go on with it.
    pub(crate) released: Feed,
    /// How the handler took over.
    pub(crate) turned: Turned,
}

impl Drained {
    /// How long no record was handed on, where the flip was at that time.
    pub(crate) fn pause_since(&self, flip: Instant) -> Duration {
        let since = self.ended_at.saturating_duration_since(flip);
        self.pause.unwrap_or(since)
    }
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
    /// ([`Source::is_replaying`]) must be in this feed, not in one of a later `adopt`: that is handed
    /// out before anything else.
    ///
    /// # Errors
    /// Where the machine gives no descriptor or thread.
    pub(crate) fn start(
        name: &str,
        feed: Feed,
        sinks: Sinks,
        counters: Arc<Counters>,
        (now_us, tell): (fn() -> u64, Box<Tell>),
    ) -> io::Result<Self> {
        let (bell, ear) = UnixStream::pair()?;
        ear.set_nonblocking(true)?;
        let (commands, inbox) = sync_channel(COMMANDS_MAX);
        let outlet = Outlet {
            sinks,
            counters,
            events: 0,
            tell,
        };
        let state = State::new((feed, outlet), (inbox, ear), now_us)?;
        let thread = std::thread::Builder::new()
            .name(format!("read {name}"))
            .spawn(move || state.run())?;
        Ok(Self {
            commands,
            bell,
            thread: Some(thread),
        })
    }

    /// Has the old feed read to its end and goes on with `feed`. Call it after the grace period: from
    /// then on nothing writes to the old rings.
    ///
    /// # Errors
    /// Where the reader's thread has died.
    pub(crate) fn adopt(&mut self, feed: Feed) -> Result<Drained, ReaderDead> {
        self.command(|reply| Command::Adopt(Box::new(feed), reply))
    }

    /// Goes on with another handler on the same rings, from the record that is next.
    ///
    /// # Errors
    /// Where the reader's thread has died. Inside: the handler does not begin, and the one of before
    /// goes on.
    pub(crate) fn replace(
        &mut self,
        next: Handling,
        generation: u64,
    ) -> Result<Result<Replaced, BeginError>, ReaderDead> {
        self.command(|reply| Command::Replace(Box::new(next), generation, reply))
    }

    /// Goes on with the handler of before on the same rings; `None` where it is in charge already, or
    /// forgotten.
    ///
    /// # Errors
    /// Where the reader's thread has died.
    pub(crate) fn restore(&mut self) -> Result<Option<Replaced>, ReaderDead> {
        self.command(Command::Restore)
    }

    /// Lets go of the handler of before.
    pub(crate) fn forget(&mut self) {
        // One that has died holds nothing.
        let _forgotten: Result<(), ReaderDead> = self.command(Command::Forget);
    }

    /// The handler's state; `None` where there is no handler, it has none, or it rests.
    ///
    /// # Errors
    /// Where the reader's thread has died.
    pub(crate) fn state(&self) -> Result<Option<HandlerState>, ReaderDead> {
        self.command(Command::State)
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

    fn command<T>(&self, make: impl FnOnce(SyncSender<T>) -> Command) -> Result<T, ReaderDead> {
        let (reply, answer) = sync_channel(1);
        self.commands.send(make(reply)).map_err(|_| ReaderDead)?;
        (&self.bell).write_all(&[0]).map_err(|_| ReaderDead)?;
        answer.recv().map_err(|_| ReaderDead)
    }
}
