//! All contact with the kernel: libbpf, system calls, mapped memory. Called by `instance` and
//! `engine`; the only room where `unsafe` and `libbpf_rs` may stand.
//! Must never load anything but the object of an `Admitted` payload and the switch.

pub(crate) mod accepted;
pub(crate) mod carried;
pub(crate) mod cursors;
pub(crate) mod direct;
pub(crate) mod entries;
pub(crate) mod gate;
pub(crate) mod grace;
pub(crate) mod handler_maps;
pub(crate) mod hook;
mod iterator;
pub(crate) mod join;
pub(crate) mod libbpf_log;
pub(crate) mod load;
mod mapping;
pub(crate) mod maps;
pub(crate) mod perf;
pub(crate) mod pins;
mod rights;
pub(crate) mod ring;
pub(crate) mod seat;
pub(crate) mod seat_place;
mod switch;
pub(crate) mod symbols;
pub(crate) mod sys;
pub(crate) mod timing;
pub(crate) mod vmlinux;
