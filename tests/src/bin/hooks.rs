//! Tries every kind of hook on the kernel that runs, a JSON line each. Needs root, `ip`, and the
//! objects that `cargo xtask bpf` compiles. Run by `cargo xtask kernel`, here and in guests.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tests::hooks::{self, Kills, Row};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: hooks NODE OBJECTS [--kill-once-a-place] [SECTION…]";
    let node = PathBuf::from(args.next().context(usage)?);
    let objects = PathBuf::from(args.next().context(usage)?);
    let mut wanted: Vec<String> = args.collect();
    let before = wanted.len();
    wanted.retain(|word| word != "--kill-once-a-place");
    let kills = if wanted.len() < before {
        Kills::OnePerPlace
    } else {
        Kills::All
    };
    let cost = hooks::try_all(&node, &objects, (kills, &wanted), show)?;
    print(&format!(
        "{} daemons were killed and followed, which took {:.1} s of it",
        cost.kills,
        cost.took.as_secs_f64()
    ));
    Ok(())
}

fn show(row: &Row) {
    match serde_json::to_string(row) {
        Ok(line) => print(&line),
        Err(error) => print(&error.to_string()),
    }
}

#[expect(
    clippy::print_stdout,
    reason = "its output is read by `cargo xtask kernel`"
)]
fn print(line: &str) {
    println!("{line}");
}
