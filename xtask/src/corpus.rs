//! `cargo xtask corpus`: the kernel's own BPF selftests, each given to the node and to libbpf alone;
//! both must say the same. Called by people and by `check`.
//! Must never attach one of them on this machine: some of them kill, deny and drop.

mod compare;
mod compile;
mod document;
mod guest;
mod judge;
mod leak;
mod read;
mod reason;
mod sample;
mod source;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::{output, run, setup};
use compare::Agreement;
use compile::Compiled;
use document::Document;
use guest::{Fate, Fates};
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
    let fates = guest::all(&compiled)?;
    let failures = told(&judged, &fates);
    let found = Document::of(&source, &compiled, &judged, &fates)?;
    match wish {
        Wish::Sample => document::committed()?.agrees_on_the_sample(&found)?,
        Wish::All => document::committed()?.agrees(&found)?,
        Wish::Write => found.write()?,
    }
    ensure!(failures == 0, "{failures} programs are not as they must be");
    Ok(())
}

/// Prints each disagreement and each failure, and the sums; gives how many there are.
fn told(judged: &[Judged], fates: &Fates) -> usize {
    let disagreements = judged.iter().filter_map(|one| match &one.agreement {
        Agreement::Disagree(why) => Some(format!("{}: {why}", one.name)),
        _ => None,
    });
    let failures = fates.iter().filter_map(|(name, fate)| match fate {
        Fate::Failed(why) => Some(format!("{name}: in the guest: {why}")),
        _ => None,
    });
    let all: Vec<String> = disagreements.chain(failures).collect();
    for one in &all {
        output::line(&format!("corpus: {one}"));
    }
    let ran = fates.values().filter(|fate| **fate == Fate::Ran).count();
    let (judged, count) = (judged.len(), all.len());
    output::line(&format!(
        "corpus: {judged} programs judged, {ran} run in guests, {count} failures"
    ));
    count
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
