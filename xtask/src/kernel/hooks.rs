//! Proves payloads and every kind of hook on kernels: the program `hooks` of the tests in guests and
//! on the machine itself, its rows compared with the committed table; and a node's restart. Called by
//! `cargo xtask kernel` and `check`.
//! Must never pass a kernel on which a kind fails, or does what the table does not say.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::table::{self, Table};
use super::{NAMES, RESTART, at_hand, in_guest, restart};
use crate::{bpf, output, run, setup, spread};

/// The kernel that runs here.
pub(crate) const HERE: &str = "here";
/// Its column, where it is like the one that the table was made on.
const LIKE_HERE: &str = "6.18";

/// First the payloads, as people run them; then the hooks.
const IN_GUEST: &str = concat!(
    "set -e\n(\n",
    include_str!("smoke.sh"),
    ")\nhooks /usr/bin/node /objects/hooks --kill-once-a-place\n"
);

/// Runs the proof on `kernels` and compares with the table, or writes it.
///
/// # Errors
/// When a kind fails, the table says otherwise, or a kernel cannot be had.
pub(crate) fn prove(kernels: &[&str], write: bool) -> Result<()> {
    setup::to_build()?;
    setup::to_boot()?;
    let files = at_hand()?;
    // A guest computes on one core, whatever it is told that it has.
    let proofs = spread::over(kernels, |_, name| {
        let mut told = Vec::new();
        let proof = one(name, &files, &mut told);
        output::line(&told.join("\n"));
        proof
    })?;
    let mut made = Table::default();
    let mut columns = Vec::new();
    let mut failures = Vec::new();
    for Proof { column, rows } in proofs.into_iter().flatten() {
        for row in &rows {
            if let Err(error) = made.take(column.name, row) {
                failures.push(format!("{error:#}"));
            }
        }
        if column.is_compared {
            columns.push(column.name);
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    compare(made, &columns, write)
}

/// What a kernel does with each kind of hook.
struct Proof<'name> {
    column: Column<'name>,
    /// As `hooks` prints them.
    rows: Vec<String>,
}

/// Where in the table a kernel stands.
struct Column<'name> {
    name: &'name str,
    /// Whether it must be as the table has it: this machine's kernel may be another.
    is_compared: bool,
}

/// Proves one kernel, or the restart, which has no rows.
fn one<'name>(
    name: &'name str,
    files: &[(PathBuf, String)],
    told: &mut Vec<String>,
) -> Result<Option<Proof<'name>>> {
    let mut rows = Vec::new();
    let mut take = |line: &str| {
        told.push(line.to_owned());
        if line.starts_with("{\"section\"") {
            rows.push(line.to_owned());
        }
    };
    let column = match name {
        RESTART => {
            restart::prove(files, &mut take)?;
            return Ok(None);
        }
        HERE => {
            here(&mut take)?;
            Column {
                name: LIKE_HERE,
                is_compared: is_like_here(),
            }
        }
        name => {
            let status = in_guest(name, IN_GUEST, files, &mut take)?;
            ensure!(
                status == 0,
                "kernel {name}: the proof ended with status {status}"
            );
            Column {
                name,
                is_compared: true,
            }
        }
    };
    Ok(Some(Proof { column, rows }))
}

fn compare(made: Table, columns: &[&str], write: bool) -> Result<()> {
    let path = table::path();
    let all: Vec<&str> = NAMES.into_iter().chain([LIKE_HERE]).collect();
    let committed = match std::fs::read_to_string(&path) {
        Ok(text) => Table::read(&text).with_context(|| path.display().to_string())?,
        Err(error) if write && error.kind() == std::io::ErrorKind::NotFound => Table::default(),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    if write {
        let text = made.completed_by(committed).text(&all)?;
        return run::write(&path, text.as_bytes());
    }
    let differences = made.differences(&committed, columns);
    ensure!(
        differences.is_empty(),
        "{} says otherwise:\n{}\nif that is right: cargo xtask kernel --write",
        path.display(),
        differences.join("\n")
    );
    // Also that every cell is filled and the text is what is made of them.
    let text = committed.text(&all)?;
    let is = std::fs::read_to_string(&path)?;
    ensure!(text == is, "{} was changed by hand", path.display());
    Ok(())
}

/// Whether this machine's kernel is like the one whose column the table has.
fn is_like_here() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kprobes = std::path::Path::new("/sys/bus/event_source/devices/kprobe").exists();
    release.starts_with(&format!("{LIKE_HERE}.")) && !kprobes
}

/// Runs the hooks on the kernel that runs here.
fn here(take: &mut dyn FnMut(&str)) -> Result<()> {
    take("\n== this machine's kernel");
    let programs = run::target().join("debug");
    let mut hooks = run::command(&programs.join("hooks").to_string_lossy());
    hooks.arg(programs.join("node")).arg(bpf::hooks_folder());
    let text = run::captured(&mut hooks)?;
    text.lines().for_each(take);
    Ok(())
}
