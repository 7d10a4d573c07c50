//! The compiler's tools: found, started, waited for with a deadline, their output bounded.
//! Called by `build`. Must never run a shell, nor wait without end.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::failure::{Class, Classed};

/// How long one run of a tool may take.
const RUN_TIMEOUT: Duration = Duration::from_mins(5);
/// The most that a tool may print; `vmlinux.h` has about 4 MB.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;
/// The newest version of LLVM whose name with a number is looked for, and the oldest.
const LLVM_VERSIONS: std::ops::RangeInclusive<u32> = 11..=40;
/// Folders of administrators' tools, which are not in everybody's `PATH`.
const ADMINISTRATORS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// A tool that `build` needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// The compiler.
    Clang,
    /// Takes DWARF out of an object.
    Strip,
    /// Writes C from BTF, links objects.
    Bpftool,
    /// Links a handler in C.
    WasmLd,
    /// Builds a handler in Rust.
    Cargo,
}

/// A tool that is missing, broke, or said no.
#[derive(Debug, Error)]
pub(crate) enum ToolError {
    /// It is not installed.
    #[error("`{name}` is not installed")]
    Missing {
        name: &'static str,
        variable: &'static str,
        package: &'static str,
    },
    /// It could not be started or listened to.
    #[error("cannot run {}: {source}", .path.display())]
    Start { path: PathBuf, source: io::Error },
    /// It did not end.
    #[error("{} did not end within {} s", .path.display(), RUN_TIMEOUT.as_secs())]
    TimedOut { path: PathBuf },
    /// It printed more than is read.
    #[error("{} printed more than {OUTPUT_BYTES_MAX} bytes", .path.display())]
    TooMuch { path: PathBuf },
    /// It said no.
    #[error("{name} failed ({status}) on {what}")]
    Failed {
        name: &'static str,
        status: ExitStatus,
        what: String,
        messages: String,
    },
}

impl Classed for ToolError {
    fn class(&self) -> Class {
        match self {
            Self::Failed { .. } => Class::Refused,
            Self::Missing { .. }
            | Self::Start { .. }
            | Self::TimedOut { .. }
            | Self::TooMuch { .. } => Class::Fatal,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Missing {
                variable, package, ..
            } => Some(format!(
                "install it (Debian: `apt-get install {package}`), or set {variable} to its path"
            )),
            Self::Failed { messages, .. } if messages.contains("'bpf/bpf_") => {
                Some("libbpf's headers are missing (Debian: `apt-get install libbpf-dev`)".into())
            }
            Self::Failed { .. } if self.lacks_library() => Some(
                "Rust's library for WebAssembly is missing: run `rustup target add wasm32v1-none` \
                 (Debian: `apt-get install cargo libstd-rust-dev-wasm32`)"
                    .into(),
            ),
            Self::Failed { .. }
            | Self::Start { .. }
            | Self::TimedOut { .. }
            | Self::TooMuch { .. } => None,
        }
    }

    fn log(&self) -> Option<String> {
        match self {
            Self::Failed { messages, .. } => Some(messages.clone()),
            Self::Missing { .. }
            | Self::Start { .. }
            | Self::TimedOut { .. }
            | Self::TooMuch { .. } => None,
        }
    }
}

impl ToolError {
    /// Whether Rust's compiler has no library for what it should build for, or is too old to know that.
    pub(crate) fn lacks_library(&self) -> bool {
        let Self::Failed { messages, .. } = self else {
            return false;
        };
        messages.contains("target may not be installed")
            || messages.contains("ould not find specification for target")
    }
}

/// What a tool printed.
pub(crate) struct Printed {
    pub(crate) output: Vec<u8>,
    /// Warnings.
    pub(crate) messages: String,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Clang => "clang",
            Self::Strip => "llvm-strip",
            Self::Bpftool => "bpftool",
            Self::WasmLd => "wasm-ld",
            Self::Cargo => "cargo",
        }
    }

    /// The variable of the environment that says where it is.
    fn variable(self) -> &'static str {
        match self {
            Self::Clang => "MARROW_CLANG",
            Self::Strip => "MARROW_LLVM_STRIP",
            Self::Bpftool => "MARROW_BPFTOOL",
            Self::WasmLd => "MARROW_WASM_LD",
            Self::Cargo => "MARROW_CARGO",
        }
    }

    /// The package of Debian that has it.
    fn package(self) -> &'static str {
        match self {
            Self::Clang => "clang",
            Self::Strip => "llvm",
            Self::Bpftool => "bpftool",
            Self::WasmLd => "lld",
            Self::Cargo => "cargo",
        }
    }

    /// Where it is: what the environment says, else the plain name in `PATH` or among the
    /// administrators' tools, else the newest with a version in its name.
    pub(crate) fn find(self) -> Result<PathBuf, ToolError> {
        if let Some(path) = std::env::var_os(self.variable()) {
            return Ok(path.into());
        }
        let folders: Vec<PathBuf> = std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths)
            .chain(ADMINISTRATORS.map(PathBuf::from))
            .collect();
        let versioned = LLVM_VERSIONS
            .rev()
            .map(|version| format!("{}-{version}", self.name()));
        std::iter::once(self.name().to_owned())
            .chain(versioned)
            .flat_map(|name| folders.iter().map(move |folder| folder.join(&name)))
            .find(|path| path.is_file())
            .ok_or(ToolError::Missing {
                name: self.name(),
                variable: self.variable(),
                package: self.package(),
            })
    }

    /// Runs it in `folder`. `what` is what it works on, for the error.
    pub(crate) fn run(
        self,
        folder: &Path,
        arguments: &[OsString],
        what: &str,
    ) -> Result<Printed, ToolError> {
        self.run_at(&self.find()?, &[], folder, arguments, what)
    }

    /// Runs the one at this place, with these variables in its environment.
    pub(crate) fn run_at(
        self,
        path: &Path,
        environment: &[(&str, OsString)],
        folder: &Path,
        arguments: &[OsString],
        what: &str,
    ) -> Result<Printed, ToolError> {
        let started = |source| ToolError::Start {
            path: path.to_owned(),
            source,
        };
        let mut child = Command::new(path)
            .args(arguments)
            .current_dir(folder)
            // Messages and file names must not depend on who builds.
            .env("LC_ALL", "C")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(started)?;
        let listened = listen(&mut child, Instant::now() + RUN_TIMEOUT);
        let (Ok(Some(output)), Ok(Some(messages))) = &listened else {
            // The child may have ended in between; then there is nothing to end.
            let _ = child.kill();
            let _ = child.wait();
            return Err(match listened {
                (Err(source), _) | (_, Err(source)) => started(source),
                (Ok(_), Ok(_)) => ToolError::TimedOut {
                    path: path.to_owned(),
                },
            });
        };
        let status = child.wait().map_err(started)?;
        if [output, messages]
            .iter()
            .any(|bytes| bytes.len() as u64 > OUTPUT_BYTES_MAX)
        {
            let path = path.to_owned();
            return Err(ToolError::TooMuch { path });
        }
        let messages = String::from_utf8_lossy(messages).into_owned();
        if !status.success() {
            let (name, what) = (self.name(), what.to_owned());
            return Err(ToolError::Failed {
                name,
                status,
                what,
                messages,
            });
        }
        Ok(Printed {
            output: output.clone(),
            messages,
        })
    }
}

type Heard = io::Result<Option<Vec<u8>>>;

/// Both outputs to their end; `None` for one that was still open at the deadline.
fn listen(child: &mut Child, deadline: Instant) -> (Heard, Heard) {
    let output = child.stdout.take().map(listen_to);
    let messages = child.stderr.take().map(listen_to);
    let hear = |receiver: Option<Receiver<io::Result<Vec<u8>>>>| match receiver {
        None => Ok(Some(Vec::new())),
        Some(receiver) => {
            let left = deadline.saturating_duration_since(Instant::now());
            receiver
                .recv_timeout(left)
                .map_or(Ok(None), |bytes| bytes.map(Some))
        }
    };
    (hear(output), hear(messages))
}

/// Reads on a thread of its own: a tool that fills one pipe must not wait for the other.
fn listen_to(from: impl Read + Send + 'static) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver): (SyncSender<_>, _) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = from
            .take(OUTPUT_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map(|_| bytes);
        // Nobody listens any more when the deadline has passed.
        let _ = sender.send(read);
    });
    receiver
}
