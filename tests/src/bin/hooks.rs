//! Tries every kind of hook on the kernel that runs, a JSON line each. Needs root, `ip`, and the
//! objects that `cargo xtask bpf` compiles. Run by `cargo xtask kernel`, here and in guests.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tests::hooks;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: hooks NODE OBJECTS [SECTION…]";
    let node = PathBuf::from(args.next().context(usage)?);
    let objects = PathBuf::from(args.next().context(usage)?);
    let wanted: Vec<String> = args.collect();
    hooks::try_all(&node, &objects, &wanted, show)
}

#[expect(
    clippy::print_stdout,
    reason = "its output is read by `cargo xtask kernel`"
)]
fn show(row: &hooks::Row) {
    match serde_json::to_string(row) {
        Ok(line) => println!("{line}"),
        Err(error) => println!("{error}"),
    }
}
