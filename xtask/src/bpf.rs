//! Compiles BPF C: every payload folder below `bpf/`, and the corpus of the tests.
//! Called by `cargo xtask bpf` and by `check`, `demo` and `bench`.
//! Must never include a generated vmlinux.h: our sources declare what they use.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{output, run};

/// Flags of every compilation; the C below `bpf/` must be free of warnings.
const FLAGS: [&str; 6] = [
    "-g",
    "-O2",
    "-mcpu=v3",
    "-Wall",
    "-Werror",
    "-fno-stack-protector",
];
/// What the first line of a source begins with when it needs other flags as well.
const FLAGS_MARK: &str = "// flags:";
/// Folders below `bpf/` that hold no payload.
const NOT_PAYLOADS: [&str; 2] = ["include", "switch"];

/// The objects whose maps `hooks` has go on over updates, and their sources below `tests/system`.
const HAND_OVER: [(&str, &str); 2] = [("hand-over-1", "migrate"), ("hand-over-2", "migrate_moved")];

/// Compiles everything; returns the objects, sorted by path.
///
/// # Errors
/// When a source cannot be read or clang refuses it.
pub(crate) fn compile_all() -> Result<Vec<PathBuf>> {
    let root = run::root();
    let mut objects = Vec::new();
    for folder in entries(&root.join("bpf"))? {
        let name = file_name(&folder);
        if !folder.is_dir() || NOT_PAYLOADS.contains(&name.as_str()) {
            continue;
        }
        for source in sources(&folder)? {
            objects.push(compile(&source, &run::target().join("bpf"), &name)?);
        }
    }
    let corpus = root.join("tests/corpus");
    if corpus.is_dir() {
        for source in sources(&corpus)? {
            let name = file_name(&source).replace(".bpf.c", "");
            objects.push(compile(&source, &run::target().join("bpf/corpus"), &name)?);
        }
    }
    objects.extend(compile_hooks()?);
    output::line(&format!("bpf: {} objects compiled", objects.len()));
    Ok(objects)
}

/// Where the objects are that the program `hooks` of the tests runs.
pub(crate) fn hooks_folder() -> PathBuf {
    run::target().join("bpf/hooks")
}

/// Compiles one source once a line of `tests/hooks/cases.txt`, which says what differs, and the
/// objects of the hand-over.
fn compile_hooks() -> Result<Vec<PathBuf>> {
    let folder = run::root().join("tests/hooks");
    let source = folder.join("hook.bpf.c");
    let table = folder.join("cases.txt");
    let text = std::fs::read_to_string(&table).with_context(|| format!("{}", table.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let compiled = lines.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [section, filter, pass, deny] = words[..] else {
            bail!("{}: not four words: {line}", table.display());
        };
        let name = section.replace(['/', '?'], "-");
        let deny = if deny == "-" { pass } else { deny };
        let flags = [
            format!("-DSECTION=\"{section}\""),
            format!("-DFILTER={filter}"),
            format!("-DPASS={pass}"),
            format!("-DDENY={deny}"),
        ];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        compile_with(&source, &hooks_folder(), &name, &flags)
    });
    let mut objects = compiled.collect::<Result<Vec<_>>>()?;
    for (name, layout) in HAND_OVER {
        let source = run::root().join(format!("tests/system/{layout}.bpf.c"));
        objects.push(compile(&source, &hooks_folder(), name)?);
    }
    Ok(objects)
}

/// Compiles one source to `name.bpf.o` in `folder`.
///
/// # Errors
/// When the source cannot be read or clang refuses it.
pub(crate) fn compile(source: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    compile_with(source, folder, name, &[])
}

/// As [`compile`], with more flags.
///
/// # Errors
/// When the source cannot be read or clang refuses it.
pub(crate) fn compile_with(
    source: &Path,
    folder: &Path,
    name: &str,
    flags: &[&str],
) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let text =
        std::fs::read_to_string(source).with_context(|| format!("reading {}", source.display()))?;
    let object = folder.join(format!("{name}.bpf.o"));
    let mut clang = run::command("clang");
    clang
        .args(["-target", "bpf"])
        .arg(format!("-D__TARGET_ARCH_{}", arch()?))
        .args(FLAGS);
    // clang for bpf has no multiarch folder of its own; asm/types.h is there.
    clang
        .arg("-idirafter")
        .arg(format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH));
    // The paths that end up in the object are those of the repository, whoever builds it.
    clang.arg(format!("-fdebug-prefix-map={}=.", run::root().display()));
    clang
        .arg("-Ibpf/include")
        .args(extra_flags(&text))
        .args(flags.iter().filter(|flag| !flag.is_empty()))
        .arg("-c");
    clang
        .arg(source.strip_prefix(run::root()).unwrap_or(source))
        .arg("-o")
        .arg(&object);
    let warnings = run::finished(&mut clang)?;
    if !warnings.status.success() {
        let errors = String::from_utf8_lossy(&warnings.stderr);
        bail!(
            "clang refuses {}:\n$ {}\n{errors}",
            source.display(),
            run::words(&clang)
        );
    }
    Ok(object)
}

/// The architecture in the words of libbpf's headers.
///
/// # Errors
/// When no word for it is known here.
pub(crate) fn arch() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x86"),
        "aarch64" => Ok("arm64"),
        other => bail!("no word for the architecture {other} in bpf_tracing.h is known here"),
    }
}

fn extra_flags(text: &str) -> Vec<&str> {
    let first = text.lines().next().unwrap_or_default();
    first
        .strip_prefix(FLAGS_MARK)
        .map_or_else(Vec::new, |flags| flags.split_whitespace().collect())
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let all = entries(folder)?;
    Ok(all
        .into_iter()
        .filter(|path| file_name(path).ends_with(".bpf.c"))
        .collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed =
        std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut paths = listed
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_in_the_first_line() {
        assert_eq!(
            extra_flags("// flags: -target bpfeb -g0\nint x;\n"),
            ["-target", "bpfeb", "-g0"]
        );
        assert!(extra_flags("int x;\n// flags: -g0\n").is_empty());
    }
}
