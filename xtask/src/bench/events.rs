//! `bench events`: events a second from a full ring to a pipe, against a C consumer with a printf
//! written for the struct. Called by `bench`.
//! Must never give the two sides different records, rings or pipes.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::baseline::Baseline;
use super::child::Ended;
use super::table::{Table, median};
use crate::daemon::{self, Folder};
use crate::run;

/// As `FLOOD_BATCH` in tests/bench/flood.h.
const BATCH: usize = 1000;
/// Batches a round: nearly as much as the ring holds.
const BATCHES: usize = 200;
const ROUNDS: usize = 9;
const RATIO_MIN: f64 = 1.0;
/// Between two tries to wake a consumer that is still attaching.
const TRY: Duration = Duration::from_millis(500);
const TRIES: usize = 60;

/// Lets both sides drain the same ring in turn.
///
/// # Errors
/// When a side does not start, or does not print every event.
pub(super) fn measure(baseline: &Baseline) -> Result<Table> {
    let folder = Folder::new("bench")?;
    let object = baseline.object("flood");
    let mut node = Command::new(daemon::binary("node"));
    node.arg("run").arg(&object);
    let mut printer = Command::new(baseline.program("printer"));
    printer.arg(&object);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let fifo = |side: &str| folder.path().join(format!("{side}-{round}"));
        ours.push(events_per_s(baseline, &mut node, &fifo("node"))?);
        theirs.push(events_per_s(baseline, &mut printer, &fifo("c"))?);
    }
    let ratio = median(
        ours.iter()
            .zip(&theirs)
            .map(|(ours, theirs)| ours / theirs)
            .collect(),
    );
    let mut table = Table::default();
    table.row(
        "events_per_s",
        median(ours),
        format!("node run, {} events", BATCH * BATCHES),
    );
    table.row(
        "printf_events_per_s",
        median(theirs),
        "a C consumer with a printf of this struct",
    );
    table.row(
        "events_ratio",
        ratio,
        "node / C, the median of rounds in turn",
    );
    table.at_least("events_ratio", ratio, RATIO_MIN);
    Ok(table)
}

/// One side, once: it is stopped, its ring filled, and woken.
fn events_per_s(baseline: &Baseline, consumer: &mut Command, fifo: &Path) -> Result<f64> {
    run::captured(run::command("mkfifo").arg(fifo))?;
    let events = BATCH * BATCHES;
    let mut sink = Ended::start(
        Command::new(baseline.program("sink"))
            .arg(events.to_string())
            .arg(fifo)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    )?;
    let log = fifo.with_extension("log");
    let consumer = Ended::start(
        consumer
            .stdin(Stdio::null())
            .stdout(File::options().write(true).open(fifo)?)
            .stderr(File::create(&log)?),
    )?;
    let answers = lines_of(&mut sink.0)?;
    let flood = baseline.program("flood");
    wait_until_attached(&flood, &answers, &log)?;
    let pid = consumer.0.id();
    consumer.signal("STOP")?;
    run::captured(Command::new(&flood).arg(BATCHES.to_string()))?;
    let mut ask = sink
        .0
        .stdin
        .take()
        .context("the input of the sink is piped")?;
    writeln!(ask, "{pid}")?;
    let ns = answers.recv().ok().with_context(|| {
        format!(
            "{events} events did not come; {} says: {}",
            log.display(),
            std::fs::read_to_string(&log).unwrap_or_default()
        )
    })?;
    let ns: f64 = ns
        .parse()
        .with_context(|| format!("the sink printed {ns}"))?;
    consumer.signal("TERM")?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(events as f64 / (ns / 1e9))
}

/// Makes a batch until the sink says that one has come and nothing more comes.
fn wait_until_attached(flood: &PathBuf, answers: &Receiver<String>, log: &Path) -> Result<()> {
    for _ in 0..TRIES {
        run::captured(Command::new(flood).arg("1"))?;
        match answers.recv_timeout(TRY) {
            Ok(line) if line == "idle" => return Ok(()),
            Ok(line) => bail!("the sink printed {line:?}"),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    bail!(
        "no event came: {}",
        std::fs::read_to_string(log).unwrap_or_default()
    )
}

/// The lines that a child prints, from a thread, so that they can be waited for with a deadline.
fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let stdout = child.stdout.take().context("its output is piped")?;
    let (into, lines) = sync_channel(2);
    std::thread::spawn(move || {
        let all = BufReader::new(stdout).lines().map_while(Result::ok);
        // Nobody waits any more when sending fails.
        all.map(|line| into.send(line))
            .take_while(Result::is_ok)
            .for_each(drop);
    });
    Ok(lines)
}
