//! Compiles the switch, which the node embeds. Needs clang with the BPF target.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let source = "../bpf/switch/switch.bpf.c";
    println!("cargo::rerun-if-changed={source}");
    println!("cargo::rerun-if-env-changed=CLANG");
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let status = Command::new(&clang)
        .args([
            "-g", "-O2", "-Wall", "-Werror", "-target", "bpf", "-mcpu=v3", "-c", source, "-o",
        ])
        .arg(out.join("switch.bpf.o"))
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{clang} could not compile {source}: {status}"),
        Err(error) => panic!(
            "{clang} does not start ({error}); `cargo xtask setup` installs what a build needs"
        ),
    }
}
