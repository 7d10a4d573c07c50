//! tracefs and bpffs: mounted where they are missing and may be mounted. Called by `setup`.
//! Must never fail a command: what will not run without them is said instead.

use std::path::Path;

use crate::{output, run};

struct Mount {
    kind: &'static str,
    places: &'static [&'static str],
    without: &'static str,
}

const MOUNTS: [Mount; 2] = [
    Mount {
        kind: "tracefs",
        places: &["/sys/kernel/tracing", "/sys/kernel/debug/tracing"],
        without: "tracepoints and uprobes cannot be attached: the demo and the kernel tests \
                  will not run",
    },
    Mount {
        kind: "bpf",
        places: &["/sys/fs/bpf"],
        without: "nothing can be pinned: tests of pinned objects will not run",
    },
];

/// Mounts what is missing; says what could not be mounted and what will not run.
pub(crate) fn ensure() {
    for mount in &MOUNTS {
        if let Err(why) = mount.ensure() {
            output::line(&format!(
                "setup: no {}: {why}; {}",
                mount.kind, mount.without
            ));
        }
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        output::line(
            "setup: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF): objects with CO-RE \
             relocations will not load",
        );
    }
}

impl Mount {
    fn ensure(&self) -> Result<(), String> {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        if is_mounted(&mounts, self.kind, self.places) {
            return Ok(());
        }
        let place = self.places[0];
        if !run::is_root() {
            return Err("mounting it needs root".to_owned());
        }
        if !Path::new(place).is_dir() {
            return Err(format!("this kernel offers no {place}"));
        }
        output::line(&format!("setup: mounting {} at {place}", self.kind));
        run::captured(run::command("mount").args(["-t", self.kind, self.kind, place]))
            .map(drop)
            .map_err(|error| format!("{error:#}").trim().replace('\n', " "))
    }
}

fn is_mounted(mounts: &str, kind: &str, places: &[&str]) -> bool {
    mounts.lines().any(|line| {
        let mut fields = line.split(' ').skip(1);
        fields.next().is_some_and(|place| places.contains(&place)) && fields.next() == Some(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_kind_at_the_place_is_not_it() {
        let mounts = "none /sys/kernel/tracing tmpfs rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\n";
        assert!(!is_mounted(mounts, "tracefs", &["/sys/kernel/tracing"]));
        assert!(is_mounted(mounts, "bpf", &["/sys/fs/bpf"]));
    }
}
