//! The table of what a machine must have, and why. Read by `setup::apt`.
//! Must never name what only one developer likes to have.

use std::path::Path;

use crate::run;

/// How the presence of a thing is seen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Probe {
    /// A program on the `PATH`.
    Program(&'static str),
    /// A header below `/usr/include`, or below its folder for this architecture.
    Header(&'static str),
    /// A module of Python.
    Module(&'static str),
    /// A file or a folder where its package puts it, whatever else is on the `PATH`.
    Place(&'static str),
}

/// One thing that must be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// How its presence is seen.
    pub(crate) probe: Probe,
    /// The Debian package that brings it.
    pub(crate) package: &'static str,
    /// What it is for.
    pub(crate) reason: &'static str,
}

const fn program(name: &'static str, package: &'static str, reason: &'static str) -> Need {
    Need {
        probe: Probe::Program(name),
        package,
        reason,
    }
}

const fn header(path: &'static str, package: &'static str, reason: &'static str) -> Need {
    Need {
        probe: Probe::Header(path),
        package,
        reason,
    }
}

const fn place(path: &'static str, package: &'static str, reason: &'static str) -> Need {
    Need {
        probe: Probe::Place(path),
        package,
        reason,
    }
}

/// What building and running needs, then what only the checks need.
pub(crate) const ALL: &[Need] = &[
    program("gcc", "gcc", "links Rust programs, compiles libbpf"),
    program(
        "make",
        "make",
        "builds the libbpf that the node is linked with",
    ),
    program(
        "pkg-config",
        "pkg-config",
        "finds libelf and zlib for libbpf",
    ),
    header("libelf.h", "libelf-dev", "libbpf reads objects with it"),
    header(
        "zlib.h",
        "zlib1g-dev",
        "libelf reads compressed sections with it",
    ),
    header("stdio.h", "libc6-dev", "C headers"),
    header("linux/bpf.h", "linux-libc-dev", "the kernel's own headers"),
    header(
        "bpf/bpf_helpers.h",
        "libbpf-dev",
        "the declarations that BPF C includes",
    ),
    program("clang", "clang", "compiles BPF C"),
    program("llvm-strip", "llvm", "takes DWARF out of objects"),
    program("wasm-ld", "lld", "links handlers"),
    program("curl", "curl", "posts payloads in the demo"),
    program("git", "git", "lists the files that tidy reads"),
    program("clang-format", "clang-format", "checks the format of BPF C"),
    program(
        "bpftool",
        "bpftool",
        "tests compare what the kernel holds before and after",
    ),
    program("python3", "python3", "runs schemathesis"),
    Need {
        probe: Probe::Module("ensurepip"),
        package: "python3-venv",
        reason: "schemathesis is installed into a folder of its own",
    },
    program(
        "setpriv",
        "util-linux",
        "tests knock at the doors as another user",
    ),
    place(
        "/usr/bin/cargo",
        "cargo",
        "builds handlers in Rust: a toolchain of rustup has no library for them by itself",
    ),
    place(
        "/usr/lib/rustlib/wasm32-unknown-unknown",
        "libstd-rust-dev-wasm32",
        "Rust's library for handlers, without bulk memory",
    ),
];

/// What `bench pull` needs beside [`TO_BUILD`] and the servers that it compares with.
pub(crate) const TO_PULL: &[Need] = &[program(
    "wrk",
    "wrk",
    "asks servers for blobs, as fast as they answer",
)];

/// What showing the pages in a browser needs beside [`TO_BUILD`].
pub(crate) const TO_BROWSE: &[Need] = &[
    place(
        "/usr/lib/chromium/chromium",
        "chromium",
        "shows the registry's pages to tests",
    ),
    place(
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "fonts-dejavu-core",
        "without a font its pages are empty",
    ),
    program(
        "npm",
        "npm",
        "fetches axe-core, which the tests of the pages run",
    ),
];

/// What guests need beside [`TO_BUILD`].
pub(crate) const TO_BOOT: &[Need] = &[
    program("qemu-system-x86_64", "qemu-system-x86", "boots kernels"),
    program("busybox", "busybox-static", "a guest's shell"),
    program("depmod", "kmod", "tells which module needs which"),
    program("xz", "xz-utils", "unpacks modules"),
    program("ip", "iproute2", "makes interfaces in guests"),
    program("tc", "iproute2", "shows what hangs on them"),
    program("bpftool", "bpftool", "shows what a guest's kernel holds"),
    program("mkfs.ext4", "e2fsprogs", "makes a guest's disk"),
    program("setpriv", "util-linux", "ends guests with who started them"),
];

/// How many of `ALL`, from its start, are needed to build and run.
const TO_BUILD_COUNT: usize = 12;

/// What building and running needs.
pub(crate) const TO_BUILD: &[Need] = ALL.split_at(TO_BUILD_COUNT).0;

impl Need {
    /// Whether it is on this machine.
    pub(crate) fn is_met(&self) -> bool {
        match self.probe {
            Probe::Program(name) => run::which(name).is_some(),
            Probe::Place(path) => Path::new(path).exists(),
            Probe::Module(name) => {
                let mut python = run::command("python3");
                python.args(["-c", &format!("import {name}")]);
                run::captured(&mut python).is_ok()
            }
            Probe::Header(path) => {
                let own = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
                [Path::new("/usr/include"), Path::new(&own)]
                    .iter()
                    .any(|folder| folder.join(path).is_file())
            }
        }
    }

    /// The name under which a person knows it.
    pub(crate) fn name(&self) -> &'static str {
        match self.probe {
            Probe::Program(name)
            | Probe::Header(name)
            | Probe::Module(name)
            | Probe::Place(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_not_met() {
        assert!(!program("no-such-program", "none", "test").is_met());
        assert!(!header("no/such/header.h", "none", "test").is_met());
        assert!(program("sh", "dash", "test").is_met());
        assert!(!place("/no/such/place", "none", "test").is_met());
        assert!(place("/usr/bin", "base-files", "test").is_met());
        let module = |name| Need {
            probe: Probe::Module(name),
            package: "none",
            reason: "test",
        };
        assert!(!module("no_such_module").is_met());
    }

    #[test]
    fn checks_need_more_than_building() {
        assert!(TO_BUILD.iter().any(|need| need.name() == "curl"));
        assert!(TO_BUILD.iter().all(|need| need.name() != "clang-format"));
    }
}
