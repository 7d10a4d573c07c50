//! From C to one object: clang for each source, DWARF taken out, several objects linked to one.
//! Called by `build`.
//! Must never let a path of this machine into the object: the same sources give the same bytes.

use std::ffi::OsString;
use std::path::Path;

use payload::limits::OBJECT_BYTES_MAX;
use payload::manifest::Arch;

use super::vmlinux::{HEADER, Vmlinux};
use super::{BuildError, vmlinux};
use crate::files;
use crate::output;
use crate::tool::{Tool, ToolError};

/// Flags of every compilation. `-mcpu=v3` (kernel 5.1) is said because clang's default grew in
/// LLVM 20, `-fno-stack-protector` because distributions turn that on, which BPF can't do, and
/// `-Werror=date-time` because `__DATE__` and its like would give other bytes each time.
const FLAGS: [&str; 8] = [
    "-g",
    "-O2",
    "-target",
    "bpf",
    "-mcpu=v3",
    "-Wall",
    "-fno-stack-protector",
    "-Werror=date-time",
];

/// What one compilation needs.
pub(super) struct Compilation<'a> {
    /// The folder of the sources.
    pub(super) sources: &'a Path,
    /// An empty folder for what comes between.
    pub(super) scratch: &'a Path,
    /// The folder of the project's headers.
    pub(super) headers: &'a Path,
    /// What it is compiled for.
    pub(super) arch: Arch,
    /// The BTF for `vmlinux.h`, if not the running kernel's.
    pub(super) btf: Option<&'a Path>,
}

/// A compiled object.
pub(super) struct Compiled {
    pub(super) object: Vec<u8>,
    /// The kernel's types that a source included.
    pub(super) vmlinux: Option<Vmlinux>,
}

impl Compilation<'_> {
    /// Compiles the sources, which stand in the folder under these names, to one object.
    pub(super) fn run(&self, names: &[String]) -> Result<Compiled, BuildError> {
        let include = self.include_flags();
        let vmlinux = if self.need_vmlinux(names, &include)? {
            Some(vmlinux::header(self.btf)?)
        } else {
            None
        };
        let mut objects = Vec::new();
        for name in names {
            let object = self.scratch.join(name.replace(".bpf.c", ".bpf.o"));
            self.compile(name, &object, &include, vmlinux.as_ref())?;
            self.strip(&object)?;
            objects.push(object.into_os_string());
        }
        let object = match objects.as_slice() {
            [only] => Path::new(only).to_owned(),
            several => self.link(several)?,
        };
        Ok(Compiled {
            object: files::read(&object, OBJECT_BYTES_MAX)?,
            vmlinux,
        })
    }

    fn include_flags(&self) -> Vec<OsString> {
        let mut flags: Vec<OsString> = FLAGS.map(OsString::from).into();
        flags.push(format!("-D__TARGET_ARCH_{}", target_word(self.arch)).into());
        flags.push("-I.".into());
        flags.push(joined("-I", self.headers));
        // clang for bpf has no folder for the machine's architecture; asm/types.h is there.
        flags.push("-idirafter".into());
        flags.push(format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH).into());
        flags
    }

    /// Whether a source includes `vmlinux.h` and the folder has none: clang's list of what each
    /// source is made of then names it without a folder.
    fn need_vmlinux(&self, names: &[String], include: &[OsString]) -> Result<bool, ToolError> {
        if self.sources.join(HEADER).is_file() {
            return Ok(false);
        }
        for name in names {
            let mut arguments = include.to_vec();
            arguments.extend(["-M", "-MG", "-w"].map(OsString::from));
            arguments.push(name.into());
            let printed = Tool::Clang.run(self.sources, &arguments, name)?;
            let list = String::from_utf8_lossy(&printed.output).into_owned();
            if list.split_whitespace().any(|file| file == HEADER) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compile(
        &self,
        name: &str,
        object: &Path,
        include: &[OsString],
        vmlinux: Option<&Vmlinux>,
    ) -> Result<(), ToolError> {
        let mut arguments = include.to_vec();
        // BTF carries the file of each line: those of the sources relative, the others by role.
        arguments.push("-fdebug-compilation-dir=.".into());
        arguments.push(mapped(self.headers, "marrow"));
        if let Some(vmlinux) = vmlinux {
            arguments.push(joined("-I", &vmlinux.folder));
            arguments.push(mapped(&vmlinux.folder, "vmlinux"));
        }
        arguments.extend([
            OsString::from("-c"),
            "-o".into(),
            object.into(),
            name.into(),
        ]);
        let printed = Tool::Clang.run(self.sources, &arguments, name)?;
        if !printed.messages.is_empty() {
            output::note(&format!(
                "clang on {name}:\n{}",
                printed.messages.trim_end()
            ));
        }
        Ok(())
    }

    /// Takes out DWARF, which no kernel reads, and leaves BTF.
    fn strip(&self, object: &Path) -> Result<(), ToolError> {
        let what = object.display().to_string();
        Tool::Strip
            .run(self.scratch, &["-g".into(), object.into()], &what)
            .map(|_| ())
    }

    fn link(&self, objects: &[OsString]) -> Result<std::path::PathBuf, ToolError> {
        let linked = self.scratch.join("linked.o");
        let mut arguments: Vec<OsString> = vec!["gen".into(), "object".into(), (&linked).into()];
        arguments.extend_from_slice(objects);
        let what = format!("{} objects of one folder", objects.len());
        Tool::Bpftool.run(self.scratch, &arguments, &what)?;
        Ok(linked)
    }
}

/// clang's version, such as `14.0.6`, for the manifest.
pub(super) fn clang_version() -> Result<String, ToolError> {
    let printed = Tool::Clang.run(Path::new("/"), &["--version".into()], "its version")?;
    let text = String::from_utf8_lossy(&printed.output).into_owned();
    let mut words = text
        .split_whitespace()
        .skip_while(|word| *word != "version")
        .skip(1);
    Ok(words.next().unwrap_or("unknown").to_owned())
}

/// The architecture in the words of libbpf's `bpf_tracing.h`.
fn target_word(arch: Arch) -> &'static str {
    match arch {
        Arch::Aarch64 => "arm64",
        Arch::Loongarch64 => "loongarch",
        Arch::Riscv64 => "riscv",
        Arch::X86_64 | Arch::Any => "x86",
    }
}

fn joined(flag: &str, path: &Path) -> OsString {
    let mut text = OsString::from(flag);
    text.push(path);
    text
}

fn mapped(path: &Path, to: &str) -> OsString {
    let mut text = joined("-ffile-prefix-map=", path);
    text.push("=");
    text.push(to);
    text
}
