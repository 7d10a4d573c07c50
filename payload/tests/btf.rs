//! The BTF parser from outside: what clang wrote is read as it was meant, what is broken is
//! refused for the right reason, and no bytes at all make it panic.

#[path = "btf/broken.rs"]
#[cfg(test)]
mod broken;
#[path = "btf/builder.rs"]
#[cfg(test)]
mod builder;
#[path = "btf/kinds.rs"]
#[cfg(test)]
mod kinds;
#[path = "btf/layout.rs"]
#[cfg(test)]
mod layout;
#[path = "btf/migrate.rs"]
#[cfg(test)]
mod migrate;
#[path = "btf/migrate_any.rs"]
#[cfg(test)]
mod migrate_any;
#[path = "btf/mutation.rs"]
#[cfg(test)]
mod mutation;
#[path = "btf/vmlinux.rs"]
#[cfg(test)]
mod vmlinux;

/// BTF of fixtures/btf/kinds.bpf.c.
pub(crate) const KINDS: &[u8] = include_bytes!("fixtures/btf/kinds.btf");
