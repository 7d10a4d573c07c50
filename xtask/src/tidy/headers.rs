//! What every file opens with. Called by `tidy`.
//! Must never accept a header that only repeats the file's name: people read these first.

use super::Violation;
use super::source::File;

/// A header is read at a glance.
const HEADER_LINES_MAX: usize = 10;
/// What BPF C is licensed under: the kernel lends its GPL-only helpers to nothing else.
const BPF_SPDX: &str = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause";

/// A Rust file opens with `//!`: what it is, who calls it, what must never happen in it.
pub(crate) fn module_header(file: &File) -> Vec<Violation> {
    if !file.is_rust() {
        return Vec::new();
    }
    let lines = file
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .count();
    let rule = match lines {
        0 => "a file opens with `//!`: what it is, who calls it, what must never happen here",
        1..=HEADER_LINES_MAX => return Vec::new(),
        _ => "the opening `//!` has more than ten lines",
    };
    vec![Violation::new(&file.path, 1, rule)]
}

/// Modules are `foo.rs` beside `foo/`.
pub(crate) fn no_mod_rs(file: &File) -> Vec<Violation> {
    if !file.path.ends_with("/mod.rs") {
        return Vec::new();
    }
    vec![Violation::new(
        &file.path,
        1,
        "no mod.rs: the module is `foo.rs` beside `foo/`",
    )]
}

/// C below `bpf/` names its licence, and each object names one to the kernel.
pub(crate) fn c_licence(file: &File) -> Vec<Violation> {
    if !file.is_c() || !file.path.starts_with("bpf/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    if !file
        .text
        .lines()
        .next()
        .is_some_and(|line| line.contains(BPF_SPDX))
    {
        found.push(Violation::new(
            &file.path,
            1,
            format!("the first line says `{BPF_SPDX}`"),
        ));
    }
    let names_one = file.text.contains(r#"SEC("license") = "Dual BSD/GPL""#);
    if file.path.ends_with(".bpf.c") && !names_one {
        let rule = r#"an object says SEC("license") = "Dual BSD/GPL""#;
        found.push(Violation::new(&file.path, 1, rule));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_there_and_short() {
        assert_eq!(module_header(&File::new("a/src/b.rs", "use x;\n")).len(), 1);
        assert_eq!(
            module_header(&File::new("a/src/b.rs", &"//! x\n".repeat(11))).len(),
            1
        );
        assert!(module_header(&File::new("a/src/b.rs", "//! What it is.\n")).is_empty());
        assert!(module_header(&File::new("README.md", "# x\n")).is_empty());
    }

    #[test]
    fn mod_rs_is_refused() {
        assert_eq!(no_mod_rs(&File::new("a/src/b/mod.rs", "//! x\n")).len(), 1);
        assert!(no_mod_rs(&File::new("a/src/b.rs", "//! x\n")).is_empty());
    }

    #[test]
    fn bpf_without_licence_is_refused() {
        assert_eq!(c_licence(&File::new("bpf/a/a.bpf.c", "int x;\n")).len(), 2);
        assert_eq!(
            c_licence(&File::new("bpf/include/a.h", "int x;\n")).len(),
            1
        );
        let good = format!("/* {BPF_SPDX} */\nchar l[] SEC(\"license\") = \"Dual BSD/GPL\";\n");
        assert!(c_licence(&File::new("bpf/a/a.bpf.c", &good)).is_empty());
    }
}
