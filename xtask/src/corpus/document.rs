//! The document that holds what was found: `tests/SELFTESTS.md`. Written and compared by `corpus`.
//! Must never differ between two runs on one machine, nor be compared line by line on another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::compare::Agreement;
use super::compile::Compiled;
use super::first_line;
use super::guest::{self, Fate, Fates};
use super::judge::Judged;
use super::read::Step;
use super::reason::rule_of;
use super::sample;
use super::source::{PACKAGE, Source};
use crate::{output, run};

/// How the line begins that says what it was made with.
const MADE: &str = "Made on ";
/// The heading of the sample, the document's last part.
const SAMPLE: &str = "## The sample\n";
/// What must be the same for two documents to be compared.
const REWRITE: &str = "cargo xtask corpus --write";

/// What was found, as text.
pub(super) struct Document {
    made: String,
    counts: String,
    /// Rows of all programs, by name.
    rows: BTreeMap<String, String>,
    /// Names of the sample.
    sample: Vec<String>,
}

/// The document in the repository.
pub(super) struct Committed(String);

fn path() -> PathBuf {
    run::root().join("tests/SELFTESTS.md")
}

/// Reads the document in the repository.
///
/// # Errors
/// When it is not there.
pub(super) fn committed() -> Result<Committed> {
    let text = std::fs::read_to_string(path());
    Ok(Committed(text.with_context(|| {
        format!("{} is not there: {REWRITE}", path().display())
    })?))
}

impl Committed {
    /// The programs of the sample.
    pub(super) fn sample_names(&self) -> Vec<String> {
        let (_, sample) = self.0.split_once(SAMPLE).unwrap_or_default();
        let rows = sample.lines().filter_map(|line| line.strip_prefix("| `"));
        let names = rows.filter_map(|row| row.split_once('`'));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// That the sample's rows are those found, where the document was made on such a machine.
    ///
    /// # Errors
    /// The first row that differs.
    pub(super) fn agrees_on_the_sample(&self, found: &Document) -> Result<()> {
        ensure!(
            !found.rows.is_empty(),
            "the document lists no sample: {REWRITE}"
        );
        if !self.is_of_this_machine(found) {
            return Ok(());
        }
        let missing = found.rows.values().find(|row| !self.0.contains(*row));
        ensure!(
            missing.is_none(),
            "{} has another row than {:?}; see why, then `{REWRITE}`",
            path().display(),
            missing
        );
        Ok(())
    }

    /// That it is the one found, where it was made on such a machine.
    ///
    /// # Errors
    /// The first line that differs.
    pub(super) fn agrees(&self, found: &Document) -> Result<()> {
        if !self.is_of_this_machine(found) {
            return Ok(());
        }
        let text = found.text();
        let differs = self
            .0
            .lines()
            .zip(text.lines())
            .find(|(one, other)| one != other);
        ensure!(
            self.0 == text,
            "{} has {:?} where {:?} was found; see why, then `{REWRITE}`",
            path().display(),
            differs.map(|(one, _)| one),
            differs.map(|(_, other)| other)
        );
        Ok(())
    }

    fn is_of_this_machine(&self, found: &Document) -> bool {
        let same = self.0.lines().any(|line| line == found.made);
        if !same {
            output::line(&format!(
                "corpus: this is not what {} was made on; its counts are not compared",
                path().display()
            ));
        }
        same
    }
}

impl Document {
    /// What was found.
    ///
    /// # Errors
    /// When the machine does not tell its kernel or compiler.
    pub(super) fn of(
        source: &Source,
        compiled: &[Compiled],
        judged: &[Judged],
        fates: &Fates,
    ) -> Result<Self> {
        let row = |one: &Judged| {
            let kinds: BTreeSet<&str> =
                one.sections.iter().map(|text| sample::kind(text)).collect();
            let kinds: Vec<&str> = kinds.into_iter().collect();
            let verdict = verdict(&one.agreement);
            let fate = fates.get(&one.name).map(fate).unwrap_or_default();
            let kinds = kinds.join(", ");
            let row = format!("| `{}` | {kinds} | {verdict} | {fate} |", one.name);
            (one.name.clone(), row)
        };
        let places = sample::places(judged);
        Ok(Self {
            made: made(source)?,
            counts: counts(compiled, judged, fates),
            rows: judged.iter().map(row).collect(),
            sample: places
                .iter()
                .filter_map(|place| judged.get(*place))
                .map(|one| one.name.clone())
                .collect(),
        })
    }

    /// Writes it into the repository.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self) -> Result<()> {
        run::write(&path(), self.text().as_bytes())
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# The kernel's own selftests\n\n\
             Written by `{REWRITE}`. The programs are those of `tools/testing/selftests/bpf/progs` \
             in Debian's\npackage `{PACKAGE}`; none of them is in this repository. Each is given to \
             `node verify`, and to a\nbare libbpf loader with the libbpf that the node has inside \
             (`tests/selftests/bare.c`), both in\nprocesses of their own; neither attaches \
             anything. In a guest each is started, hot-updated to itself and stopped\n\
             (`tests/src/bin/selftests.rs`), after which the kernel holds what it held before. \
             `cargo xtask check` does this\nwith the sample.\n\n{}\n\n{}\n{SAMPLE}\n\
             Chosen so: {}.\n\n| program | kinds of sections | verdict of both | in the guest |\n\
             |---|---|---|---|\n",
            self.made,
            self.counts,
            sample::RULE
        );
        for row in self.sample.iter().filter_map(|name| self.rows.get(name)) {
            text.push_str(row);
            text.push('\n');
        }
        text
    }
}

/// Kernel series, package and compiler.
fn made(source: &Source) -> Result<String> {
    let release = run::captured(run::command("uname").arg("-r"))?;
    let series: Vec<&str> = release.split('.').take(2).collect();
    let clang = first_line("clang", "--version")?;
    let clang = clang.split("version ").nth(1).unwrap_or(&clang);
    let clang = clang.split('.').next().unwrap_or(clang);
    Ok(format!(
        "{MADE}kernel {} with `{PACKAGE}` {} and clang {clang}; the guest has Debian's kernel {}.",
        series.join("."),
        source.version,
        guest::release()?
    ))
}

fn counts(compiled: &[Compiled], judged: &[Judged], fates: &Fates) -> String {
    let not: Vec<String> = compiled
        .iter()
        .filter(|one| one.object.is_none())
        .map(|one| format!("`{}`", one.name))
        .collect();
    let mut text = format!(
        "{} programs, of which {} compile against this kernel's types. Not so {}.\n\n\
         | verdict of both | programs |\n|---|---|\n",
        compiled.len(),
        judged.len(),
        not.join(", ")
    );
    sums(&mut text, judged.iter().map(|one| verdict(&one.agreement)));
    text.push_str("\n| in the guest | programs |\n|---|---|\n");
    sums(&mut text, fates.values().map(fate));
    text
}

/// How often each word stands there, most often first.
fn sums(text: &mut String, words: impl Iterator<Item = String>) {
    let mut sums: BTreeMap<String, usize> = BTreeMap::new();
    for word in words {
        *sums.entry(word).or_default() += 1;
    }
    let mut sums: Vec<(String, usize)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (word, count) in sums {
        let _ = writeln!(text, "| {word} | {count} |");
    }
}

/// A fate in words.
fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Ran => "started, updated, stopped".to_owned(),
        Fate::Refused(why) => format!("refused: {}", rule_of(why)),
        Fate::Hostile(how) => format!("stopped by ending the node: {how}"),
        Fate::Failed(why) => format!("**failed**: {}", rule_of(why)),
    }
}

/// The verdict in words; reasons without the names that differ from program to program.
fn verdict(agreement: &Agreement) -> String {
    match agreement {
        Agreement::Loaded => "loaded".to_owned(),
        Agreement::Refused(Step::Open, errno) => format!("not opened: {}", error_name(*errno)),
        Agreement::Refused(_, errno) => format!("not loaded: {}", error_name(*errno)),
        Agreement::RefusedEarlier(reason) => {
            format!("refused, by the node's inspection: {}", rule_of(reason))
        }
        Agreement::NothingToRun(reason) => {
            format!(
                "no program in it; the node's inspection: {}",
                rule_of(reason)
            )
        }
        Agreement::Disagree(why) => format!("**they disagree**: {}", why.replace('|', "/")),
    }
}

/// Names of `asm-generic/errno.h`, and the kernel's own ENOTSUPP.
fn error_name(errno: i32) -> String {
    match errno {
        1 => "EPERM".to_owned(),
        2 => "ENOENT".to_owned(),
        3 => "ESRCH".to_owned(),
        7 => "E2BIG".to_owned(),
        13 => "EACCES".to_owned(),
        22 => "EINVAL".to_owned(),
        95 => "EOPNOTSUPP".to_owned(),
        524 => "ENOTSUPP".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_read_back_from_the_document() {
        let document = Document {
            made: format!("{MADE}kernel 1.2."),
            counts: "| loaded | 2 |\n".to_owned(),
            rows: ["a", "b", "c"]
                .map(|name| (name.to_owned(), format!("| `{name}` | xdp | loaded |")))
                .into(),
            sample: ["a", "c"].map(str::to_owned).to_vec(),
        };
        let committed = Committed(document.text());
        assert_eq!(committed.sample_names(), ["a", "c"]);
        assert!(committed.agrees(&document).is_ok());
        let mut other = Document {
            counts: "| loaded | 3 |\n".to_owned(),
            ..document
        };
        assert!(committed.agrees(&other).is_err());
        assert!(
            committed.agrees_on_the_sample(&other).is_err(),
            "b is no row of it"
        );
        other.made = format!("{MADE}kernel 1.3.");
        assert!(committed.agrees(&other).is_ok(), "another kernel");
    }
}
