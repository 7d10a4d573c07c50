//! Whether this process may load BPF at all. Asked when the kernel said no, to name the right cause.
//! Must never decide whether something is tried: the kernel does.

/// `CAP_SYS_ADMIN` of `linux/capability.h`, which stands for the two below.
const CAP_SYS_ADMIN: u32 = 21;
/// `CAP_PERFMON`: programs that read the kernel's memory.
const CAP_PERFMON: u32 = 38;
/// `CAP_BPF`: maps and programs.
const CAP_BPF: u32 = 39;

/// Whether the calling thread has the capabilities; also where /proc does not tell.
pub(super) fn may_load() -> bool {
    let status = std::fs::read_to_string("/proc/thread-self/status");
    status.ok().as_deref().and_then(effective).is_none_or(able)
}

/// The effective capabilities in a thread's `status`.
fn effective(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    u64::from_str_radix(line?.trim(), 16).ok()
}

fn able(effective: u64) -> bool {
    let has = |capability: u32| effective & (1 << capability) != 0;
    has(CAP_SYS_ADMIN) || has(CAP_BPF) && has(CAP_PERFMON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_capabilities_are_needed_or_the_one_above_them() {
        let of = |mask: &str| effective(&format!("Name:\tx\nCapEff:\t{mask}\nCapBnd:\t1\n"));
        for (mask, may) in [
            ("000001ffffffffff", true),
            ("0000000000200000", true),
            ("000000c000000000", true),
            ("0000008000000000", false),
            ("0000004000000000", false),
            ("0000000000000000", false),
        ] {
            assert_eq!(of(mask).map(able), Some(may), "{mask}");
        }
        assert_eq!(effective("Name:\tx\n"), None);
    }
}
