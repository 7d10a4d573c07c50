//! Gives each object to the node and to the bare loader, each in a process of its own with a time
//! limit. Called by `corpus`. Must never let one that crashes or hangs stop the others.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::compare::{Agreement, agreement};
use super::compile::Compiled;
use super::{folder, objects, read};
use crate::{bench, run, spread, waiting};

/// How long one may take: the verifier gives up after a million instructions, some seconds.
const PATIENCE: Duration = Duration::from_mins(2);
/// Where the bare loader pins what objects ask to be pinned, one folder a worker.
const PINS: &str = "/sys/fs/bpf/marrow_corpus";

/// Both programs, built.
pub(super) struct Judge {
    node: PathBuf,
    bare: PathBuf,
}

/// What was said about one object.
pub(super) struct Judged {
    /// Its name.
    pub(super) name: String,
    /// Whether both said the same.
    pub(super) agreement: Agreement,
    /// Sections of its programs whose kind libbpf knows.
    pub(super) sections: Vec<String>,
    /// Programs that the node loaded, with the kernel's digests of them.
    pub(super) tags: Vec<(String, String)>,
}

impl Judge {
    /// Builds the node, and the bare loader with the libbpf that the node has inside.
    ///
    /// # Errors
    /// When one of them does not build.
    pub(super) fn build() -> Result<Self> {
        run::shown(run::cargo().args(run::PROGRAMS))?;
        let (bare, source) = (folder().join("bare"), "tests/selftests/bare.c");
        bench::with_libbpf(source, "debug", &bare)?;
        let node = run::target().join("debug/node");
        Ok(Self { node, bare })
    }

    /// Judges all objects.
    ///
    /// # Errors
    /// When a process cannot be started. What goes wrong in one is a disagreement.
    pub(super) fn all(&self, compiled: &[Compiled]) -> Result<Vec<Judged>> {
        let words = folder().join("words");
        std::fs::create_dir_all(&words)?;
        let pins: Vec<Pins> = (0..spread::WORKERS)
            .map(Pins::make)
            .collect::<Result<_>>()?;
        let objects: Vec<(&str, &PathBuf)> = objects(compiled).collect();
        spread::over(&objects, |worker, (name, object)| {
            let pins = pins.get(worker).context("a folder for each worker")?;
            self.one(name, object, pins, &words)
        })
    }

    fn one(&self, name: &str, object: &Path, pins: &Pins, words: &Path) -> Result<Judged> {
        let mut bare = Command::new(&self.bare);
        bare.arg(object).arg(&pins.0);
        let bare = ended(&mut bare, &words.join(format!("{name}.bare")))?;
        pins.empty()?;
        let mut node = Command::new(&self.node);
        node.args(["verify", "--json"]).arg(object);
        let node = ended(&mut node, &words.join(format!("{name}.node")))?;
        let bare = match bare.code {
            Ok(0) => read::bare(&bare.out, &bare.err),
            Ok(code) => Err(anyhow::anyhow!("it ended with {code}")),
            Err(why) => Err(anyhow::anyhow!(why)),
        };
        let node = match node.code {
            Ok(code) => read::node(code, &node.out, &node.err),
            Err(why) => Err(anyhow::anyhow!(why)),
        };
        let (agreement, sections, tags) = match (node, bare) {
            (Ok(node), Ok(bare)) => (
                agreement(&node.verdict, &bare.verdict),
                bare.sections,
                node.tags,
            ),
            (Err(error), _) => (disagree("node", &error), Vec::new(), Vec::new()),
            (_, Err(error)) => (disagree("libbpf", &error), Vec::new(), Vec::new()),
        };
        Ok(Judged {
            name: name.to_owned(),
            agreement,
            sections,
            tags,
        })
    }
}

fn disagree(who: &str, error: &anyhow::Error) -> Agreement {
    Agreement::Disagree(format!("{who}: {error:#}"))
}

/// How a process ended, and what it printed.
struct Ended {
    code: Result<i32, String>,
    out: String,
    err: String,
}

/// Runs a process to its end, or to the end of patience. What it prints goes through files, since
/// a verifier's log is longer than a pipe.
fn ended(command: &mut Command, words: &Path) -> Result<Ended> {
    let file = |end: &str| words.with_extension(format!("{}.{end}", extension(words)));
    let (out, err) = (file("out"), file("err"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(File::create(&out)?)
        .stderr(File::create(&err)?)
        .spawn()
        .with_context(|| format!("cannot start `{}`", run::words(command)))?;
    let late = || format!("not done in {} s", PATIENCE.as_secs());
    let status = waiting::until(PATIENCE, || Ok(child.try_wait()?), late);
    if status.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let code = status.map_err(|error| error.to_string());
    let code = code.and_then(|status| status.code().ok_or_else(|| status.to_string()));
    let read = |file: &Path| -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(file)?).into_owned())
    };
    Ok(Ended {
        code,
        out: read(&out)?,
        err: read(&err)?,
    })
}

fn extension(path: &Path) -> String {
    path.extension()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A folder in the BPF file system, gone with all that is in it.
struct Pins(PathBuf);

impl Pins {
    fn make(worker: usize) -> Result<Self> {
        let path = PathBuf::from(format!("{PINS}_{}_{worker}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    fn empty(&self) -> Result<()> {
        for pin in std::fs::read_dir(&self.0)? {
            let pin = pin?;
            if pin.file_type()?.is_dir() {
                bail!("{} is a folder", pin.path().display());
            }
            std::fs::remove_file(pin.path())?;
        }
        Ok(())
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let _ = self.empty();
        let _ = std::fs::remove_dir(&self.0);
    }
}
