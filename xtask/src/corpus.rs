//! `cargo xtask corpus`: the kernel's own BPF selftests, each given to the node and to libbpf alone;
//! both must say the same. Called by people and by `check`.
//! Must never attach one of them on this machine: some of them kill, deny and drop.

mod compare;
mod compile;
mod document;
mod judge;
mod leak;
mod read;
mod sample;
mod source;
mod spread;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::{output, run, setup};
use compare::Agreement;
use compile::Compiled;
use document::Document;
use judge::{Judge, Judged};
use source::Source;

/// What the command is to do.
enum Wish {
    /// Judge what the document's sample lists.
    Sample,
    /// Judge everything.
    All,
    /// Judge everything and write the document.
    Write,
}

/// `cargo xtask corpus [--all] [--write]`.
///
/// # Errors
/// When the words are others, or as [`sample`] and [`all`].
pub(crate) fn command(words: &[&str]) -> Result<()> {
    match words {
        [] => sample(),
        ["--all"] => all(),
        ["--write"] => judge(&Wish::Write),
        other => bail!("unknown arguments {other:?}: --all or --write"),
    }
}

/// Judges the programs that the document lists as its sample.
///
/// # Errors
/// When one is judged differently by the node and by libbpf, or otherwise than the document has
/// it; when something crashes, hangs, or stays in the kernel.
pub(crate) fn sample() -> Result<()> {
    judge(&Wish::Sample)
}

/// Judges all programs.
///
/// # Errors
/// As [`sample`]; and when the document does not have the same counts.
pub(crate) fn all() -> Result<()> {
    judge(&Wish::All)
}

fn judge(wish: &Wish) -> Result<()> {
    setup::to_build()?;
    setup::to_boot()?;
    ensure!(run::is_root(), "loading programs needs root");
    let source = Source::fetched()?;
    let names = match wish {
        Wish::Sample => document::committed()?.sample_names(),
        Wish::All | Wish::Write => source.programs()?,
    };
    let compiled = compile::all(&source, &names)?;
    let before = leak::Before::now()?;
    let judged = Judge::build()?.all(&compiled)?;
    before.nothing_new(&judged)?;
    let disagreements = told(&judged);
    let found = Document::of(&source, &compiled, &judged)?;
    match wish {
        Wish::Sample => document::committed()?.agrees_on_the_sample(&found)?,
        Wish::All => document::committed()?.agrees(&found)?,
        Wish::Write => found.write()?,
    }
    ensure!(
        disagreements == 0,
        "{disagreements} programs are judged differently by the node and by libbpf"
    );
    Ok(())
}

/// Prints each disagreement and the sums; gives how many disagree.
fn told(judged: &[Judged]) -> usize {
    let mut disagreements = 0;
    for one in judged {
        if let Agreement::Disagree(why) = &one.agreement {
            disagreements += 1;
            output::line(&format!("corpus: {}: {why}", one.name));
        }
    }
    output::line(&format!(
        "corpus: {} programs judged, {disagreements} disagreements",
        judged.len()
    ));
    disagreements
}

/// Where everything of this command lies.
fn folder() -> PathBuf {
    run::target().join("corpus")
}

/// An object that was compiled.
fn objects(compiled: &[Compiled]) -> impl Iterator<Item = (&str, &PathBuf)> {
    compiled
        .iter()
        .filter_map(|one| Some((one.name.as_str(), one.object.as_ref()?)))
}

/// The first line of what a program printed.
fn first_line(program: &str, arg: &str) -> Result<String> {
    let text = run::captured(run::command(program).arg(arg))?;
    let line = text.lines().next();
    Ok(line
        .with_context(|| format!("{program} prints nothing"))?
        .to_owned())
}
