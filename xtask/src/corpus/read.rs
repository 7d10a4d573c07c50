//! Reads what the node and the bare loader said about an object. Called by `judge`; pure.
//! Must never guess: what it does not understand is an error.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How far an object came before it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The inspection of its bytes, which the bare loader lacks.
    Inspect,
    /// libbpf opened it.
    Open,
    /// Its maps were made, its relocations resolved, its programs verified.
    Load,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What refused it.
    pub(super) step: Step,
    /// The error number; the inspection has none.
    pub(super) errno: Option<i32>,
    /// The program that was refused, where one was.
    pub(super) program: Option<String>,
    /// The inspection's reason, or the last word of the verifier or libbpf.
    pub(super) reason: String,
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The programs that were loaded, by libbpf's order.
    Loaded(Vec<String>),
    /// It was refused.
    Refused(Refusal),
}

/// What the node said.
#[derive(Debug)]
pub(super) struct ByNode {
    /// Its verdict.
    pub(super) verdict: Verdict,
    /// Names of the programs that were loaded, with the kernel's digests of them.
    pub(super) tags: Vec<(String, String)>,
}

/// What the bare loader said.
#[derive(Debug)]
pub(super) struct ByBare {
    /// Its verdict.
    pub(super) verdict: Verdict,
    /// Sections of programs whose kind libbpf knows.
    pub(super) sections: Vec<String>,
}

/// Reads `node verify --json` that ended with `code`.
///
/// # Errors
/// When it ended otherwise than with a verdict, or said something else.
pub(super) fn node(code: i32, out: &str, err: &str) -> Result<ByNode> {
    let programs = |fate: &str| -> Result<Vec<(String, String)>> {
        let told: Value = serde_json::from_str(out).context("no verdict on standard output")?;
        let programs = told["programs"].as_array().context("no programs")?;
        let of_fate = programs.iter().filter(|program| program["fate"] == fate);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pairs = of_fate.map(|program| (text(&program["program"]), text(&program["tag"])));
        Ok(pairs.collect())
    };
    match code {
        0 => {
            let tags = programs("loaded")?;
            let names = tags.iter().map(|(name, _)| name.clone()).collect();
            let verdict = Verdict::Loaded(names);
            Ok(ByNode { verdict, tags })
        }
        3 => {
            let problem: Value = serde_json::from_str(err).context("no problem was told")?;
            let detail = problem["detail"].as_str().context("no detail")?;
            let refusal = if out.is_empty() {
                Refusal {
                    step: Step::Inspect,
                    errno: None,
                    program: None,
                    reason: detail.to_owned(),
                }
            } else {
                let told: Value = serde_json::from_str(out)?;
                let (program, _) = programs("refused")?.into_iter().next().unzip();
                Refusal {
                    step: if told["refused_step"] == "open" {
                        Step::Open
                    } else {
                        Step::Load
                    },
                    errno: Some(error_number(detail)?),
                    program,
                    reason: last_word(problem["log"].as_str().unwrap_or_default()),
                }
            };
            let (verdict, tags) = (Verdict::Refused(refusal), Vec::new());
            Ok(ByNode { verdict, tags })
        }
        other => bail!("it ended with {other}: {}", err.trim()),
    }
}

/// The number in `… (os error 22)…`.
fn error_number(detail: &str) -> Result<i32> {
    let number = detail.rsplit_once("(os error ").map(|(_, end)| end);
    let number = number.and_then(|end| end.split(')').next()?.parse().ok());
    number.with_context(|| format!("no error number in {detail:?}"))
}

/// Reads what the bare loader printed.
///
/// # Errors
/// When it printed something else.
pub(super) fn bare(out: &str, err: &str) -> Result<ByBare> {
    let (mut sections, mut loaded, mut verdict) = (Vec::new(), Vec::new(), None);
    for line in out.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let refused = |step| -> Result<Option<Verdict>> {
            Ok(Some(Verdict::Refused(Refusal {
                step,
                errno: Some(rest.parse().context("no error number")?),
                program: refused_program(err),
                reason: last_word(verifier_words(err)),
            })))
        };
        match word {
            "section" => sections.push(rest.to_owned()),
            "open" => verdict = refused(Step::Open)?,
            "load" => verdict = refused(Step::Load)?,
            "loaded" => verdict = Some(Verdict::Loaded(Vec::new())),
            "program" => loaded.push(rest.to_owned()),
            _ => bail!("it printed {line:?}"),
        }
    }
    let verdict = match verdict.context("it ended without a verdict")? {
        Verdict::Loaded(_) => Verdict::Loaded(loaded),
        refused @ Verdict::Refused(_) => refused,
    };
    Ok(ByBare { verdict, sections })
}

/// The program that libbpf says it could not load.
fn refused_program(err: &str) -> Option<String> {
    err.lines().find_map(|line| {
        let (name, what) = line.split_once("prog '")?.1.split_once("': ")?;
        let failed = ["BPF program load failed", "failed to load: "];
        let failed = failed.iter().any(|words| what.starts_with(words));
        failed.then(|| name.to_owned())
    })
}

/// What the verifier said, as libbpf frames it; all of libbpf's words where it was not asked.
fn verifier_words(err: &str) -> &str {
    let log = err.split_once("-- BEGIN PROG LOAD LOG --");
    log.and_then(|(_, log)| log.split_once("-- END PROG LOAD LOG --"))
        .map_or(err, |(log, _)| log)
}

/// The last line of a verifier's log before its statistics, or of libbpf's words before the object's
/// name, which differs.
fn last_word(log: &str) -> String {
    let lines = log.lines().map(str::trim).filter(|line| !line.is_empty());
    let unsaid = ["processed ", "libbpf: failed to load object "];
    let mut said = lines.filter(|line| !unsaid.iter().any(|words| line.starts_with(words)));
    said.next_back().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "libbpf: prog 'p': BPF program load failed: -EACCES\n\
        libbpf: prog 'p': -- BEGIN PROG LOAD LOG --\n0: R1=ctx()\nR1 invalid\nprocessed 1 insns\n\
        -- END PROG LOAD LOG --\nlibbpf: prog 'p': failed to load: -EACCES\n";

    fn refusal() -> Verdict {
        Verdict::Refused(Refusal {
            step: Step::Load,
            errno: Some(13),
            program: Some("p".to_owned()),
            reason: "R1 invalid".to_owned(),
        })
    }

    #[test]
    fn the_bare_loader_is_understood() {
        let said = bare("section xdp\nload 13\n", LOG).unwrap();
        assert_eq!(
            (said.verdict, said.sections),
            (refusal(), vec!["xdp".to_owned()])
        );
        let said = bare("section tc\nloaded\nprogram a\nprogram b\n", "").unwrap();
        let names = ["a", "b"].map(str::to_owned).to_vec();
        assert_eq!(said.verdict, Verdict::Loaded(names));
        assert!(bare("", "Killed").is_err());
        assert!(bare("hello\n", "").is_err());
    }

    #[test]
    fn the_node_is_understood() {
        let out = r#"{"refused_step":"verify","programs":[
            {"program":"o","fate":"loaded","tag":null},{"program":"p","fate":"refused"}]}"#;
        let log = "0: R1=ctx()\\nR1 invalid\\nprocessed 1 insns";
        let err = format!(r#"{{"detail":"no: Permission denied (os error 13)","log":"{log}"}}"#);
        assert_eq!(node(3, out, &err).unwrap().verdict, refusal());
        let inspected = node(3, "", r#"{"detail":"no program"}"#).unwrap().verdict;
        let Verdict::Refused(refusal) = inspected else {
            panic!("it was refused");
        };
        assert_eq!((refusal.step, refusal.errno), (Step::Inspect, None));
        assert!(node(101, "", "panicked").is_err());
        assert!(node(3, "", "panicked").is_err());
        assert!(node(0, "", "").is_err());
    }
}
