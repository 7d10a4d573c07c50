//! Starts, hot-updates and stops the selftests in guests, where they may kill, deny and drop.
//! Called by `corpus`. Must never give up the rest because one of them takes its guest down.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::compile::Compiled;
use super::{folder, objects};
use crate::kernel::{self, Guest, Kernel, Printed};
use crate::{output, run, spread};

/// The kernel that they are run on: the newest with which the package's own tests go.
const KERNEL: &str = "6.1";
/// Memory; the objects are carried in.
const MEMORY_MIB: u32 = 2048;
/// A boot, and all that is run in it, by software alone.
const TIMEOUT: Duration = Duration::from_mins(40);
/// So many of them may take their guest down before it is not theirs but ours.
const BOOTS_MAX: usize = 20;

/// Programs that keep others from what the run needs, the node's own client too, and how. For
/// these it is enough that nothing is left when the node is gone.
const HOSTILE: [(&str, &str); 2] = [
    (
        "sockopt_sk",
        "it refuses getsockopt(2) to every process, the node's client too",
    ),
    (
        "test_probe_user",
        "it overwrites the addresses that connect(2) is given, those of the node's client too",
    ),
];

/// What became of an object in a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Started, updated to itself, stopped, and nothing was left.
    Ran,
    /// Refused before anything was attached, for this reason.
    Refused(String),
    /// It kept the node's client from reaching the node, as it is known to; nothing was left.
    Hostile(&'static str),
    /// Anything else.
    Failed(String),
}

/// What became of each object, by name.
pub(super) type Fates = BTreeMap<String, Fate>;

/// What `uname -r` says in the guests.
///
/// # Errors
/// When there is no kernel to boot.
pub(super) fn release() -> Result<String> {
    Ok(kernel::fetched(KERNEL)?.release)
}

/// Runs all objects in as many guests as it takes.
///
/// # Errors
/// When there is no kernel to boot, or guests end without having run anything.
pub(super) fn all(compiled: &[Compiled]) -> Result<Fates> {
    let kernel = kernel::fetched(KERNEL)?;
    let carried = carried(compiled)?;
    let names: Vec<String> = objects(compiled).map(|(name, _)| name.to_owned()).collect();
    // A guest computes on one core, whatever it is told that it has.
    let workers: Vec<usize> = (0..spread::WORKERS).collect();
    let fates = spread::over(&workers, |_, worker| {
        let its = names.iter().skip(*worker).step_by(spread::WORKERS);
        through(&kernel, &carried, its.cloned().collect(), *worker)
    });
    Ok(fates?.into_iter().flatten().collect())
}

/// Runs objects in one guest after the other: one that takes its guest down ends that one alone.
fn through(
    kernel: &Kernel,
    carried: &[(PathBuf, String)],
    mut left: Vec<String>,
    worker: usize,
) -> Result<Fates> {
    let mut fates = Fates::new();
    let mut boots = 0;
    while !left.is_empty() {
        boots += 1;
        ensure!(boots <= BOOTS_MAX, "{BOOTS_MAX} guests did not get through");
        output::line(&format!(
            "corpus: guest {boots} of worker {worker}, kernel {}, has {} objects to run",
            kernel.release,
            left.len()
        ));
        let heard = boot(kernel, carried, &left, worker)?;
        ensure!(!heard.is_empty(), "a guest ended without running anything");
        left.retain(|name| !heard.contains_key(name));
        fates.extend(heard);
    }
    Ok(fates)
}

/// The programs and objects, without what debuggers read.
fn carried(compiled: &[Compiled]) -> Result<Vec<(PathBuf, String)>> {
    run::shown(run::cargo().args(run::PROGRAMS))?;
    let home = folder().join("guest");
    std::fs::create_dir_all(&home)?;
    let mut files = Vec::new();
    for program in ["node", "selftests"] {
        let stripped = home.join(program);
        let mut strip = run::command("strip");
        strip.arg("-o").arg(&stripped);
        run::captured(strip.arg(run::target().join("debug").join(program)))?;
        files.push((stripped, format!("/usr/bin/{program}")));
    }
    for (name, object) in objects(compiled) {
        files.push((object.clone(), format!("/objects/{name}.bpf.o")));
    }
    Ok(files)
}

/// Runs objects in one guest, to the first that takes it down.
fn boot(
    kernel: &Kernel,
    carried: &[(PathBuf, String)],
    names: &[String],
    worker: usize,
) -> Result<Fates> {
    let list = folder().join(format!("guest/list-{worker}"));
    run::write(&list, (names.join("\n") + "\n").as_bytes())?;
    let mut files = carried.to_vec();
    files.push((list, "/list".to_owned()));
    let guest = Guest {
        memory_mib: MEMORY_MIB,
        cpus: 2,
        files,
        disk: None,
        command: "selftests /usr/bin/node /objects /list".to_owned(),
        timeout: TIMEOUT,
    };
    let mut heard = Heard::default();
    let mut log = File::create(folder().join(format!("guest/log-{worker}")))?;
    let mut errors = Vec::new();
    let run = guest.run(kernel, &mut |printed| match printed {
        Printed::Out(line) => {
            // For people who watch; what counts is heard.
            let _ = writeln!(log, "{line}");
            heard.line(line);
        }
        Printed::Err(line) => errors.push(line.to_owned()),
    });
    let end = match run {
        Ok(run) if run.status == 0 => None,
        Ok(run) => Some(format!("status {}: {}", run.status, errors.join(" "))),
        Err(error) => Some(format!("{error:#}")),
    };
    heard.ended(end)
}

/// What a guest printed so far.
#[derive(Default)]
struct Heard {
    fates: Fates,
    /// The object that has begun and not ended.
    at: Option<String>,
    /// Lines that are none of ours.
    strange: Vec<String>,
}

impl Heard {
    fn line(&mut self, line: &str) {
        let told: Value = serde_json::from_str(line).unwrap_or_default();
        if let Some(name) = told["begins"].as_str() {
            self.at = Some(name.to_owned());
            return;
        }
        let why = told["why"].as_str().unwrap_or_default().to_owned();
        let fate = match told["fate"].as_str() {
            Some("ran") => Fate::Ran,
            Some("refused") => Fate::Refused(why),
            Some("failed") => Fate::Failed(why),
            Some("unreachable") => hostile(told["name"].as_str().unwrap_or_default(), why),
            _ => return self.strange.push(line.to_owned()),
        };
        if let Some(name) = self.at.take() {
            self.fates.insert(name, fate);
        }
    }

    /// All fates, that of the object which took the guest down included.
    fn ended(mut self, end: Option<String>) -> Result<Fates> {
        match (self.at.take(), end) {
            (Some(name), end) => {
                let end = end.unwrap_or_else(|| "the guest ended".to_owned());
                let first = end.lines().next().unwrap_or_default().to_owned();
                self.fates.insert(name, Fate::Failed(first));
            }
            (None, None) => {}
            (None, Some(end)) => {
                return Err(anyhow::anyhow!(end)).with_context(|| {
                    format!("the guest's runner failed: {}", self.strange.join(" "))
                });
            }
        }
        Ok(self.fates)
    }
}

fn hostile(name: &str, why: String) -> Fate {
    let known = HOSTILE.iter().find(|(hostile, _)| *hostile == name);
    known.map_or(Fate::Failed(why), |(_, how)| Fate::Hostile(how))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_a_guest_down_has_a_fate_and_the_rest_none() {
        let mut heard = Heard::default();
        for line in [
            r#"{"begins":"a"}"#,
            r#"{"fate":"ran","name":"a"}"#,
            r#"{"begins":"b"}"#,
            r#"{"fate":"refused","name":"b","why":"no"}"#,
            r#"{"begins":"sockopt_sk"}"#,
            r#"{"fate":"unreachable","name":"sockopt_sk","why":"denied"}"#,
            r#"{"begins":"c"}"#,
        ] {
            heard.line(line);
        }
        let fates = heard
            .ended(Some("not done in 9 s\nlog".to_owned()))
            .unwrap();
        let expected = [
            ("a", Fate::Ran),
            ("b", Fate::Refused("no".to_owned())),
            ("sockopt_sk", Fate::Hostile(HOSTILE[0].1)),
            ("c", Fate::Failed("not done in 9 s".to_owned())),
        ];
        let expected = expected.map(|(name, fate)| (name.to_owned(), fate));
        assert_eq!(fates, Fates::from(expected));
        assert!(Heard::default().ended(Some("panic".to_owned())).is_err());
    }
}
