//! The first root of a guest: busybox, the script that is process 1, modules, and what is carried in.
//! Called by `guest`. Must never hold a program without the libraries that it is linked with.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::cpio::{self, Archive};
use super::modules;
use crate::run;

/// Process 1.
const INIT: &str = include_str!("init.sh");
/// Where the script mounts something.
const FOLDERS: [&str; 6] = ["bin", "dev", "proc", "run", "sys", "tmp"];
/// Who there is: root alone.
const PASSWD: &str = "root:x:0:0:root:/:/bin/sh\n";
const GROUP: &str = "root:x:0:\n";
const HOSTS: &str = "127.0.0.1 localhost guest\n::1 localhost\n";
/// Folders that are carried in are at most this deep.
const DEPTH_MAX: usize = 8;

/// One thing in the root.
enum Entry {
    Folder,
    Text(String),
    Program(Vec<u8>),
    /// A file of this machine, carried in as it is.
    Host(PathBuf),
}

/// What will be written, by path in the guest, without `/` before it.
#[derive(Default)]
struct Root {
    entries: BTreeMap<String, Entry>,
}

/// Writes the archive to `out`: the files (paths here, absolute paths in the guest; folders with
/// all that is in them), the modules of `plan`, and `command` as what the script runs.
///
/// # Errors
/// When something cannot be read, lacks a library, or the archive cannot be written.
pub(super) fn write(
    out: &Path,
    files: &[(PathBuf, String)],
    plan: &modules::Plan,
    command: &str,
) -> Result<()> {
    let mut root = Root::default();
    for folder in FOLDERS {
        root.entries.insert(folder.to_owned(), Entry::Folder);
    }
    root.text("init", INIT, true);
    root.text("command", &format!("{command}\n"), false);
    root.text("etc/passwd", PASSWD, false);
    root.text("etc/group", GROUP, false);
    root.text("etc/hosts", HOSTS, false);
    root.modules(plan)?;
    let busybox = run::which("busybox").context("busybox is missing")?;
    root.carry(&busybox, "bin/busybox", 0)?;
    // Busybox's shell would run its own `ip` whatever the PATH says.
    root.carry(Path::new("/bin/sh"), "bin/sh", 0)?;
    for (file, place) in files {
        root.carry(file, place.trim_start_matches('/'), 0)
            .with_context(|| format!("carrying {} into the guest", file.display()))?;
    }
    root.add_parents();
    root.save(out)
}

impl Root {
    fn text(&mut self, path: &str, text: &str, runs: bool) {
        let entry = if runs {
            Entry::Program(text.as_bytes().to_vec())
        } else {
            Entry::Text(text.to_owned())
        };
        self.entries.insert(path.to_owned(), entry);
    }

    fn modules(&mut self, plan: &modules::Plan) -> Result<()> {
        let mut order = String::new();
        for file in &plan.files {
            let name = modules::name(file);
            order.push_str(&name);
            order.push('\n');
            let bytes = modules::bytes(file)?;
            let place = format!("modules/{name}");
            self.entries.insert(place, Entry::Program(bytes));
        }
        self.text("modules/order", &order, false);
        Ok(())
    }

    /// Adds a file or folder of this machine, and the libraries of what is a program.
    fn carry(&mut self, file: &Path, place: &str, depth: usize) -> Result<()> {
        let kind = std::fs::metadata(file)?;
        if kind.is_dir() {
            if depth == DEPTH_MAX {
                bail!("{} is more than {DEPTH_MAX} folders deep", file.display());
            }
            self.entries.insert(place.to_owned(), Entry::Folder);
            for entry in std::fs::read_dir(file)? {
                let entry = entry?;
                let name = entry.file_name();
                let below = format!("{place}/{}", name.to_string_lossy());
                self.carry(&entry.path(), &below, depth + 1)?;
            }
            return Ok(());
        }
        let runs = kind.permissions().mode() & 0o111 != 0;
        if runs && is_elf(file)? {
            for library in libraries(file)? {
                let place = library.to_string_lossy();
                let place = place.trim_start_matches('/').to_owned();
                self.entries
                    .entry(place)
                    .or_insert_with(|| Entry::Host(library.clone()));
            }
            self.entries
                .insert(place.to_owned(), Entry::Program(without_lines(file)?));
            return Ok(());
        }
        self.entries
            .insert(place.to_owned(), Entry::Host(file.to_owned()));
        Ok(())
    }

    /// Adds the folders that nobody named.
    fn add_parents(&mut self) {
        let parents: Vec<String> = self
            .entries
            .keys()
            .flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned()))
            .collect();
        for parent in parents {
            self.entries.entry(parent).or_insert(Entry::Folder);
        }
    }

    /// In the order of the paths, so that a folder comes before what is in it.
    fn save(&self, out: &Path) -> Result<()> {
        let file = File::create(out).with_context(|| format!("making {}", out.display()))?;
        let mut archive = Archive::new(BufWriter::new(file));
        for (path, entry) in &self.entries {
            match entry {
                Entry::Folder => archive.add(path, cpio::FOLDER, &[])?,
                Entry::Text(text) => archive.add(path, cpio::FILE, text.as_bytes())?,
                Entry::Program(bytes) => archive.add(path, cpio::PROGRAM, bytes)?,
                Entry::Host(file) => {
                    let mode = std::fs::metadata(file)?.permissions().mode();
                    let bytes = std::fs::read(file)
                        .with_context(|| format!("reading {}", file.display()))?;
                    archive.add(path, mode, &bytes)?;
                }
            }
        }
        archive.finish()?;
        Ok(())
    }
}

fn is_elf(file: &Path) -> Result<bool> {
    let mut magic = Vec::new();
    File::open(file)?.take(4).read_to_end(&mut magic)?;
    Ok(magic == *b"\x7fELF")
}

/// A program without its lines of source, which are most of it: the kernel copies it twice.
/// Its symbols and notes stay, since hooks are looked up in them.
fn without_lines(file: &Path) -> Result<Vec<u8>> {
    // From its input, which it reads. A file it would map, and where the program runs with a probe in it, as
    // it does beside a guest, the kernel puts the breakpoint into each mapping.
    let mut strip = run::command("llvm-objcopy");
    strip
        .args(["--strip-debug", "-", "-"])
        .stdin(File::open(file)?);
    let stripped = strip.output().context("cannot start llvm-objcopy")?;
    if !stripped.status.success() {
        let errors = String::from_utf8_lossy(&stripped.stderr);
        bail!("`{}` failed: {errors}", run::words(&strip));
    }
    Ok(stripped.stdout)
}

/// The libraries of a program, with the one that loads them; none for a static one.
fn libraries(file: &Path) -> Result<Vec<PathBuf>> {
    let listed = run::finished(run::command("ldd").arg(file))?;
    if !listed.status.success() {
        let errors = String::from_utf8_lossy(&listed.stderr);
        if errors.contains("not a dynamic executable") {
            return Ok(Vec::new());
        }
        bail!("ldd does not read {}: {errors}", file.display());
    }
    found(&String::from_utf8_lossy(&listed.stdout))
}

fn found(listed: &str) -> Result<Vec<PathBuf>> {
    if let Some(line) = listed.lines().find(|line| line.contains("not found")) {
        bail!("this machine lacks a library: {}", line.trim());
    }
    Ok(listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_in_what_ldd_says() {
        let listed = "\tlinux-vdso.so.1 (0x1)\n\tlibz.so.1 => /lib/libz.so.1 (0x2)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        let expected = ["/lib/libz.so.1", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(found(listed).unwrap(), expected);
        let missing = found("\tlibq.so.1 => not found\n").unwrap_err();
        assert!(missing.to_string().contains("libq.so.1"));
        assert!(found("\tstatically linked\n").unwrap().is_empty());
    }

    #[test]
    fn folders_that_nobody_named_are_there() {
        let mut root = Root::default();
        root.text("a/b/c", "text", false);
        root.add_parents();
        let paths: Vec<&str> = root.entries.keys().map(String::as_str).collect();
        assert_eq!(paths, ["a", "a/b", "a/b/c"]);
    }
}
