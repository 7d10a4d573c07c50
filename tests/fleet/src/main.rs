//! What `cargo xtask bench fleet` starts, each in a process of its own since each may have so many
//! open files: a fleet of simulated nodes (`load`), and the bare server that a registry is compared
//! with (`floor`). Must never speak to anything but loopback.

mod floor;
mod kept;
mod load;
mod node;
mod output;
mod report;
mod round;

use std::path::Path;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: fleet load URL NODES OPERATOR_TOKEN_FILE ENROL_TOKEN_FILE…
       fleet floor VERSION";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["floor", version] => floor::serve(version),
        ["load", url, nodes, operator, enrol @ ..] if !enrol.is_empty() => {
            let enrol = enrol.iter().map(|file| token(file));
            load::run(load::Settings {
                url: (*url).to_owned(),
                nodes: nodes.parse()?,
                operator: token(operator)?,
                enrol: enrol.collect::<Result<_>>()?,
            })
        }
        _ => bail!(USAGE),
    }
}

fn token(file: &str) -> Result<String> {
    Ok(std::fs::read_to_string(Path::new(file))?.trim().to_owned())
}
