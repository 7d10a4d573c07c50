//! Developer commands: `cargo xtask setup|demo|check|tidy|bpf|bench|corpus|kernel|screenshots`.
//! Called by people and by `.ci/run`; needs nothing but Rust to build.
//! Must never be needed by a program at run time.
#![forbid(unsafe_code)]

mod bench;
mod bpf;
mod check;
mod corpus;
mod daemon;
mod demo;
mod kernel;
mod output;
mod publisher;
mod run;
mod screenshots;
mod setup;
mod spread;
mod tidy;
mod waiting;

use std::process::ExitCode;

use anyhow::{Result, bail};
use check::Extent;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup           install what building and testing needs, mount tracefs and bpffs
  demo [--keep]   build the node and show a hot update on real events
  check [--all]   setup, format, lints, tidy, licences, BPF, every test, fuzz targets, kernels
                  (this machine's, 6.1 and the newest), a sample of the kernel's own selftests;
                  with --all every kernel and every selftest
  tidy            the rules of the house that neither rustfmt nor clippy knows
  bpf             compile bpf/*/ and tests/corpus/ to target/bpf/
  bench load|events|handler|swap|pull|fleet|pages|footprint [--json] [--check]
                  times and counts against a named baseline, and sizes; fleet and pages take
                  --nodes N
  screenshots     pictures of the registry's pages, into docs/pages/
  kernel [KERNEL…] [--write] [-- COMMAND…]
                  every kind of hook on Debian's kernels, booted in QEMU, and on this machine's
                  (`here`), against tests/HOOKS.md; --write makes it; a machine that is reset
                  (`restart`); or a command in guests
  corpus [--all|--write]
                  the kernel's own selftests, judged by the node and by libbpf alone";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(code) => code,
        Err(error) => {
            output::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn command(words: &[&str]) -> Result<ExitCode> {
    match words {
        ["setup"] => setup::everything()?,
        ["check"] => return Ok(check::check(Extent::Usual)),
        ["check", "--all"] => return Ok(check::check(Extent::All)),
        ["demo"] => demo::demo(false)?,
        ["demo", "--keep"] => demo::demo(true)?,
        ["bench", name, options @ ..] => bench::bench(name, options)?,
        ["kernel", words @ ..] => return kernel::command(words),
        ["corpus", options @ ..] => corpus::command(options)?,
        ["screenshots"] => screenshots::take()?,
        ["tidy"] => tidy::tidy()?,
        ["bpf"] => {
            setup::to_build()?;
            bpf::compile_all()?;
        }
        [] | ["help" | "--help" | "-h"] => output::line(USAGE),
        other => bail!("unknown command {:?}\n\n{USAGE}", other.join(" ")),
    }
    Ok(ExitCode::SUCCESS)
}
