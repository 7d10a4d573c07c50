//! The rings of a guest: mapped where it has room for them, else copied into what it gives for a call.
//! Used when a guest is made. Must never map a ring over anything but room that the guest gave.
#![expect(unsafe_code, reason = "rings are mapped into the guest's memory")]

use std::ops::Range;

use wasmparser::{DataKind, Operator, Parser, Payload};
use wasmtime::Store;

use super::exports::Exports;
use super::linear::Linear;
use crate::call;
use crate::fault::Fault;
use crate::guest::GuestRing;
use crate::window::{self, NoWindow, WINDOW_ALIGN, Window};

/// Bytes of the windows that the guest is asked to have room for, beside its own memory.
pub(super) fn offered_bytes(rings: &[GuestRing<'_>]) -> u64 {
    rings.iter().filter_map(window_bytes).map(u64::from).sum()
}

fn window_bytes(ring: &GuestRing<'_>) -> Option<u32> {
    ring.memory?;
    Window::bytes_for(ring.ring.size_bytes)
}

/// Asks for room for each ring that can be mapped, and maps it. Gives where each is.
pub(super) fn map(
    store: &mut Store<Linear>,
    exports: &Exports,
    rings: &[GuestRing<'_>],
    filled: &[Range<u64>],
) -> wasmtime::Result<Vec<Option<Window>>> {
    let mut windows = Vec::with_capacity(rings.len());
    for (number, ring) in (0..).zip(rings) {
        windows.push(map_one(store, exports, (number, ring), filled)?);
    }
    let linear = store.data_mut();
    let mapped: u64 = linear
        .windows
        .iter()
        .map(|window| u64::from(window.bytes))
        .sum();
    let bytes_max = linear.host.grant.limits.memory_bytes_max;
    linear.host.room.bytes_max = bytes_max.saturating_add(mapped);
    Ok(windows)
}

fn map_one(
    store: &mut Store<Linear>,
    exports: &Exports,
    (number, ring): (u32, &GuestRing<'_>),
    filled: &[Range<u64>],
) -> wasmtime::Result<Option<Window>> {
    let (Some(bytes), Some(fd)) = (window_bytes(ring), ring.memory) else {
        return Ok(None);
    };
    let Some(ring_window) = &exports.ring_window else {
        return Ok(None);
    };
    let ms_max = store.data().host.grant.limits.state_ms_max;
    call::begin(store, "ring-window", ms_max);
    let at = ring_window.call(&mut *store, (number, bytes))?;
    let Some(memory) = store.data().memory.filter(|_| at != 0) else {
        return Ok(None);
    };
    let window = Window { at, bytes };
    let memory_bytes = memory.data_size(&*store) as u64;
    let checked = window.check(memory_bytes, &store.data().windows, filled);
    checked.map_err(|rule| Fault::Pointer {
        call: "ring-window",
        what: "the window",
        at,
        bytes,
        rule,
    })?;
    // SAFETY: the engine never moves a memory, the window was checked to lie in it, and this crate makes
    // no slices of it.
    match unsafe { window::map(memory.data_ptr(&*store), window, fd) } {
        Ok(()) => {
            store.data_mut().windows.push(window);
            Ok(Some(window))
        }
        Err(NoWindow::Refused) => Ok(None),
        Err(NoWindow::Hole(error)) => Err(Fault::Machine {
            reason: format!("a page of its memory can't be had back: {error}"),
        })?,
    }
}

/// Where a module puts what it begins with; the whole memory it begins with where that can't be told.
pub(super) fn filled(wasm: &[u8]) -> Vec<Range<u64>> {
    let mut pages = 0;
    let mut filled = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::MemorySection(memories)) => {
                pages = memories
                    .into_iter()
                    .flatten()
                    .map(|memory| memory.initial)
                    .sum();
            }
            Ok(Payload::DataSection(segments)) => {
                filled.extend(segments.into_iter().flatten().filter_map(|segment| {
                    let DataKind::Active { offset_expr, .. } = segment.kind else {
                        return None;
                    };
                    let mut operators = offset_expr.get_operators_reader();
                    let all = 0..pages * u64::from(WINDOW_ALIGN);
                    let (Ok(Operator::I32Const { value }), Ok(Operator::End)) =
                        (operators.read(), operators.read())
                    else {
                        return Some(all);
                    };
                    let start = u64::from(value.cast_unsigned());
                    Some(start..start + segment.data.len() as u64)
                }));
            }
            _ => {}
        }
    }
    filled
}
