//! A guest: one boot of a kernel in QEMU, by software alone, that runs one command and ends.
//! Called by `kernel` and by what proves something on other kernels.
//! Must never outlive the command that started it, nor its time.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::{Kernel, initramfs, modules};
use crate::{run, waiting};

/// Lines that wait for who reads them; a guest that prints more waits.
const WAITING_MAX: usize = 1024;
/// A longer line is cut in two.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Words with which a kernel finds fault with itself.
const FAULTS: [&str; 4] = ["WARNING:", "BUG:", "INFO: task", "rcu_sched detected"];
/// How much of the kernel's log an error shows.
const SHOWN_LINES: usize = 40;
/// How long QEMU may take to end when its guest has.
const END: Duration = Duration::from_secs(30);
/// All that QEMU can do by software, but for five levels of tables, which are slower to walk, and
/// for cmpxchg16b, after which QEMU 7.2 takes what was computed before for flags: an interrupt
/// there, and the kernel dies of it. Kernels have another way where a processor lacks it.
const PROCESSOR: &str = "max,la57=off,cx16=off";
/// A kernel that finds itself broken stops, and QEMU with it.
const KERNEL_LINE: &str = "console=ttyS0 rdinit=/init oops=panic panic=-1";

/// Runs of this process, for the names of their folders.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// What is booted and run.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// Memory beside what is carried in.
    pub(crate) memory_mib: u32,
    /// Processors.
    pub(crate) cpus: u32,
    /// What is carried in: a file or folder of this machine, and its absolute path in the guest.
    /// Libraries of programs go along. `/usr/bin` is on the guest's `PATH`, before busybox.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// A disk, `/dev/vda` there: a file of this machine, which keeps what is written.
    pub(crate) disk: Option<PathBuf>,
    /// What `/bin/sh` runs, as root, with `lo` up and every file system of the kernel mounted.
    pub(crate) command: String,
    /// How long all of it may take, with the boot.
    pub(crate) timeout: Duration,
}

/// One line that the command printed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Printed<'a> {
    /// On its standard output.
    Out(&'a str),
    /// On its standard error.
    Err(&'a str),
}

impl<'a> Printed<'a> {
    /// The line, wherever it was printed.
    pub(crate) fn line(self) -> &'a str {
        let (Self::Out(line) | Self::Err(line)) = self;
        line
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// What the command exited with.
    pub(crate) status: i32,
    /// Lines of the kernel's log in which it finds fault with itself.
    pub(crate) faults: Vec<String>,
    /// Modules that this kernel does not have.
    pub(crate) absent: Vec<&'static str>,
    /// The guest's time from its first instruction to the command.
    pub(crate) booted: Duration,
    /// This machine's time for all of it.
    pub(crate) took: Duration,
}

/// What came of one boot.
struct Boot<T> {
    /// What process 1 told.
    end: T,
    /// The kernel's log.
    log: String,
}

enum Line {
    Out(String),
    Err(String),
}

impl Guest {
    /// Boots the kernel, runs the command, tells each line as it comes.
    ///
    /// # Errors
    /// When something cannot be carried in, or the guest does not start, panics, ends without
    /// a status, or is not done in time. The error shows the end of the kernel's
    /// log and says where all of it is.
    pub(crate) fn run(&self, kernel: &Kernel, told: &mut dyn FnMut(Printed)) -> Result<Run> {
        let begun = Instant::now();
        let plan = modules::plan(&kernel.modules)?;
        let boot = self.boot(kernel, &plan, told, ended)?;
        let (status, booted) = boot.end;
        Ok(Run {
            status,
            faults: faults(&boot.log),
            absent: plan.absent,
            booted,
            took: begun.elapsed(),
        })
    }

    /// The same for a command that resets the machine: nothing in it is asked to end.
    ///
    /// # Errors
    /// As [`Guest::run`]; and when it ends in any other way.
    pub(crate) fn reset(&self, kernel: &Kernel, told: &mut dyn FnMut(Printed)) -> Result<()> {
        let plan = modules::plan(&kernel.modules)?;
        self.boot(kernel, &plan, told, was_reset).map(drop)
    }

    /// One boot, up to the end that process 1 told of, as `end` reads it.
    fn boot<T>(
        &self,
        kernel: &Kernel,
        plan: &modules::Plan,
        told: &mut dyn FnMut(Printed),
        end: fn(&str) -> Result<T>,
    ) -> Result<Boot<T>> {
        let begun = Instant::now();
        let mut folder = Folder::make(kernel.name)?;
        let initramfs = folder.file("initramfs");
        initramfs::write(&initramfs, &self.files, plan, &self.command)?;
        let carried_mib = std::fs::metadata(&initramfs)?.len().div_ceil(1 << 20);
        let mut qemu = Qemu::start(&mut self.qemu(kernel, &folder, carried_mib))?;
        let listened = self.listen(&mut qemu, begun, told);
        drop(qemu);
        let log = lossy(&folder.file("kernel.log"));
        let end = listened.and_then(|()| end(&lossy(&folder.file("told"))));
        let end = end.map_err(|error| {
            folder.keep_log = true;
            anyhow!(
                "the guest of kernel {}: {error:#}\nthe end of {}:\n{}",
                kernel.release,
                folder.file("kernel.log").display(),
                tail(&log)
            )
        })?;
        Ok(Boot { end, log })
    }

    fn qemu(&self, kernel: &Kernel, folder: &Folder, carried_mib: u64) -> Command {
        // Without the death signal a guest would outlive a command that was killed.
        let mut qemu = run::command("setpriv");
        qemu.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        qemu.args(["-accel", "tcg,thread=single", "-cpu", PROCESSOR]);
        qemu.args(["-smp", &self.cpus.to_string()]);
        // The archive, and the files that the kernel unpacks it to.
        let memory_mib = u64::from(self.memory_mib) + 2 * carried_mib;
        qemu.args(["-m", &format!("{memory_mib}M")]);
        qemu.args(["-nodefaults", "-no-user-config", "-no-reboot"]);
        qemu.args(["-display", "none", "-monitor", "none"]);
        qemu.arg("-kernel").arg(&kernel.image);
        qemu.arg("-initrd").arg(folder.file("initramfs"));
        qemu.args(["-append", KERNEL_LINE]);
        if let Some(disk) = &self.disk {
            let drive = format!("file={},format=raw,if=virtio", disk.display());
            qemu.args(["-drive", &drive]);
        }
        let file = |path: &Path| format!("file:{}", path.display());
        for port in [
            file(&folder.file("kernel.log")),
            "stdio".to_owned(),
            "file:/dev/stderr".to_owned(),
            file(&folder.file("told")),
        ] {
            qemu.args(["-serial", &port]);
        }
        qemu
    }

    fn listen(&self, qemu: &mut Qemu, begun: Instant, told: &mut dyn FnMut(Printed)) -> Result<()> {
        loop {
            let left = self.timeout.saturating_sub(begun.elapsed());
            match qemu.lines.recv_timeout(left) {
                Ok(Line::Out(line)) => told(Printed::Out(&line)),
                Ok(Line::Err(line)) => told(Printed::Err(&line)),
                Err(RecvTimeoutError::Disconnected) => return qemu.wait(),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("not done in {} s", self.timeout.as_secs())
                }
            }
        }
    }
}

/// QEMU, and what comes out of it.
struct Qemu {
    child: Child,
    lines: Receiver<Line>,
}

impl Qemu {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", run::words(command)))?;
        let (send, lines) = sync_channel(WAITING_MAX);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (out, err) = (out.context("no output")?, err.context("no errors")?);
        let second = send.clone();
        std::thread::spawn(move || read(out, &send, Line::Out));
        std::thread::spawn(move || read(err, &second, Line::Err));
        Ok(Self { child, lines })
    }

    /// Waits for the end of one that has closed its output.
    fn wait(&mut self) -> Result<()> {
        let ended = || Ok(self.child.try_wait()?);
        let status = waiting::until(END, ended, || "QEMU does not end".to_owned())?;
        if !status.success() {
            bail!("QEMU ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // By its id, and only where it still runs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends lines until there are no more, or nobody wants them.
fn read(from: impl Read, to: &SyncSender<Line>, kind: fn(String) -> Line) {
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        match from
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        if to.send(kind(line)).is_err() {
            return;
        }
    }
}

/// What process 1 told: `status N booted S`.
fn ended(told: &str) -> Result<(i32, Duration)> {
    let words: Vec<&str> = told.split_whitespace().collect();
    let ["status", status, "booted", seconds] = words[..] else {
        bail!("it ended without a status");
    };
    let booted = Duration::try_from_secs_f64(seconds.parse()?)?;
    Ok((status.parse()?, booted))
}

/// What the command told before it reset the machine.
fn was_reset(told: &str) -> Result<()> {
    if told.trim() != "reset" {
        bail!("it was not reset, but told {told:?}");
    }
    Ok(())
}

fn faults(log: &str) -> Vec<String> {
    log.lines()
        .filter(|line| FAULTS.iter().any(|word| line.contains(word)))
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().map(str::trim_end).collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

fn lossy(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The files of one run, gone with it.
struct Folder {
    path: PathBuf,
    /// Whether the kernel's log stays, until the next run of the same kernel.
    keep_log: bool,
}

impl Folder {
    fn make(kernel: &str) -> Result<Self> {
        let runs = run::target().join("kernel/runs");
        std::fs::create_dir_all(&runs)?;
        for old in std::fs::read_dir(&runs)?.flatten() {
            if is_left_behind(&old.file_name().to_string_lossy(), kernel) {
                std::fs::remove_dir_all(old.path())?;
            }
        }
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let path = runs.join(format!("{kernel}-{}-{run}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self {
            path,
            keep_log: false,
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays all the same goes with the next run.
        if self.keep_log {
            let _ = std::fs::remove_file(self.file("initramfs"));
        } else {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Whether a folder is of a run of that kernel whose process has ended.
fn is_left_behind(folder: &str, kernel: &str) -> bool {
    let mut parts = folder.split('-');
    let own = parts.next() == Some(kernel);
    let process = parts.next().unwrap_or_default();
    own && !Path::new("/proc").join(process).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_told_no_status_failed() {
        let (status, booted) = ended("status 3 booted 12.5\n").unwrap();
        assert_eq!((status, booted), (3, Duration::from_millis(12_500)));
        for told in ["", "status 3", "status x booted 1", "status 1 booted -1"] {
            assert!(ended(told).is_err(), "{told:?}");
            assert!(was_reset(told).is_err(), "{told:?}");
        }
        assert!(was_reset("reset\n").is_ok() && ended("reset\n").is_err());
    }

    #[test]
    fn only_what_ended_processes_left_of_the_same_kernel_goes() {
        let own = std::process::id();
        assert!(!is_left_behind(&format!("6.1-{own}-0"), "6.1"));
        // No process has an id with a letter in it.
        assert!(is_left_behind("6.1-1x-0", "6.1"));
        assert!(!is_left_behind("6.12-1x-0", "6.1"));
    }

    #[test]
    fn a_warning_is_a_fault_and_other_lines_are_not() {
        let log = "[    1.0] Run /init as init process\r\n[    2.0] WARNING: CPU: 0 PID: 7\r\n";
        assert_eq!(faults(log), ["[    2.0] WARNING: CPU: 0 PID: 7"]);
    }

    #[test]
    fn lines_come_without_their_ends_and_the_last_one_too() {
        let (send, lines) = sync_channel(8);
        read(&b"a\n\nb\xff"[..], &send, Line::Out);
        drop(send);
        let texts: Vec<String> = lines
            .iter()
            .map(|line| match line {
                Line::Out(text) | Line::Err(text) => text,
            })
            .collect();
        assert_eq!(texts, ["a", "", "b\u{fffd}"]);
    }
}
