//! `cargo xtask check`: everything that must hold, in one command; CI runs nothing else.
//! Called by people and `.ci/run`. Must never go on after a step that failed.

mod description;
mod handlers;
mod report;
mod suites;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{bpf, corpus, kernel, output, run, setup, tidy};
use report::Tally;

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What a developer waits for: two kernels besides this machine's.
    Usual,
    /// Everything, as CI does.
    All,
}

type Step = (
    &'static str,
    &'static str,
    fn(&mut Tally, Extent) -> Result<()>,
);

/// Name, the command that runs it alone, what it does.
const STEPS: [Step; 12] = [
    ("setup", "cargo xtask setup", |_, _| setup::everything()),
    ("format", "cargo fmt --all", |_, _| {
        cargo(&["fmt", "--all", "--check"])?;
        handlers::format()
    }),
    ("tidy", "cargo xtask tidy", |_, _| tidy::tidy()),
    (
        "licences",
        "target/tools/bin/cargo-deny check bans licenses sources",
        |_, _| licences(),
    ),
    ("bpf", "cargo xtask bpf", |_, _| {
        bpf::compile_all().map(drop)
    }),
    ("clippy", CLIPPY, |_, _| {
        cargo(&words(CLIPPY))?;
        handlers::lint()
    }),
    ("build", "cargo build --workspace", |_, _| {
        cargo(&["build", "--workspace"])
    }),
    ("tests", "cargo test --workspace", |tally, _| {
        suites::tests(tally)?;
        handlers::tests(tally)
    }),
    ("description", "cargo xtask check", |_, _| {
        description::fuzz()
    }),
    (
        "fuzz",
        "MARROW_FUZZ_SECONDS=20 cargo test --workspace fuzz_",
        |tally, _| suites::fuzz(tally),
    ),
    ("kernels", "cargo xtask kernel", |_, extent| kernels(extent)),
    ("corpus", "cargo xtask corpus", |_, extent| match extent {
        Extent::Usual => corpus::sample(),
        Extent::All => corpus::all(),
    }),
];
const CLIPPY: &str = "cargo clippy --workspace --all-targets -- -D warnings";

/// Runs all steps up to the first that fails, and says with which command that one runs alone.
/// The last line is the count of tests, whatever happened.
pub(crate) fn check(extent: Extent) -> ExitCode {
    let begun = Instant::now();
    let mut tally = Tally::default();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for (index, (name, rerun, step)) in STEPS.iter().enumerate() {
        output::line(&format!("\n== {}/{} {name}", index + 1, STEPS.len()));
        let start = Instant::now();
        let result = step(&mut tally, extent);
        times.push((name, start.elapsed()));
        if let Err(error) = result {
            failure = Some((name, rerun, error));
            break;
        }
    }
    output::line("\n== summary");
    for (name, time) in &times {
        output::line(&format!("{name:<10} {:>7.1} s", time.as_secs_f64()));
    }
    output::line(&format!(
        "{:<10} {:>7.1} s",
        "all",
        begun.elapsed().as_secs_f64()
    ));
    tally.explain_not_run();
    tally.explain_failures();
    if let Some((name, rerun, error)) = &failure {
        output::line(&format!(
            "step {name} failed: {error:#}\nrun it again with: {rerun}"
        ));
    }
    output::line(&tally.line(failure.is_some()));
    if failure.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Every kind of hook on this machine's kernel and in guests; and a node's restart.
fn kernels(extent: Extent) -> Result<()> {
    match extent {
        Extent::Usual => kernel::prove(&[kernel::HERE, "6.1", "newest", kernel::RESTART], false),
        Extent::All => {
            let all: Vec<&str> = [kernel::HERE, kernel::RESTART]
                .into_iter()
                .chain(kernel::NAMES)
                .collect();
            kernel::prove(&all, false)
        }
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').skip(1).collect()
}

fn cargo(args: &[&str]) -> Result<()> {
    run::shown(run::cargo().args(args))
}

fn licences() -> Result<()> {
    let mut deny = run::command(&setup::cargo_deny().to_string_lossy());
    run::shown(deny.args([
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))?;
    output::line(
        "licences: advisories are not checked: their database is a git repository that a \
         machine without it cannot reach; run `cargo deny check advisories` where it can",
    );
    Ok(())
}
