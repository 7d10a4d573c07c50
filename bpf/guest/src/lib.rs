//! What a handler in Rust is written with: a trait for what the node calls, a macro that exports it, and
//! a safe wrapper for each function of `node/wit/handler.wit`. Used by the crates `handler` in payload
//! folders, `bpf/execrate` among them. Must never need the standard library, nor write into memory that
//! it has not asked for.
#![no_std]
#![warn(missing_docs, unsafe_op_in_unsafe_fn, unreachable_pub)]
#![warn(clippy::all, clippy::pedantic, clippy::unwrap_used)]
#![warn(
    clippy::multiple_unsafe_ops_per_block,
    clippy::undocumented_unsafe_blocks
)]
// Addresses and lengths have 32 bits where this runs.
#![allow(clippy::cast_possible_truncation)]

mod arena;
mod ask;
mod event;
mod host;
mod map;
mod metric;
mod output;
mod records;
mod run;
mod state;
mod text;

pub use ask::{config, config_number, every, layout, log_text, process, Field, Fields, Process};
pub use ask::{now_mono, now_wall};
pub use event::{Event, Plain};
pub use host::{Level, Refusal};
pub use map::Map;
pub use metric::{Counter, Gauge, Histogram};
pub use output::{Array, Object, Output};
pub use records::{Events, Records};
pub use run::{Reason, Ring, Rings, Start};
pub use state::{Reader, Writer};
pub use text::{until_nul, Text};

/// What a node calls. One value of it lives as long as the guest.
pub trait Handler: Sized + 'static {
    /// What it is before anything was called.
    const NEW: Self;

    /// Called once, first.
    ///
    /// # Errors
    /// Why it can't run, for instance with the state of the handler before.
    fn start(&mut self, start: &Start<'_>) -> Result<(), &'static str>;

    /// Records of a ring, by its place in [`Start::rings`]. Those that are not read count as handled
    /// too.
    fn on_events(&mut self, ring: u32, records: &mut Records<'_>);

    /// Once a second; nanoseconds of [`now_mono`].
    fn on_tick(&mut self, now_ns: u64) {
        let _ = now_ns;
    }

    /// Writes what the handler that follows needs to go on.
    fn snapshot(&self, state: &mut Writer<'_>) {
        let _ = state;
    }

    /// The last call.
    fn shutdown(&mut self, reason: Reason) {
        let _ = reason;
    }
}

/// Makes a [`Handler`] the one of this module: exports what the node calls, and writes what it reads
/// before any code runs, the schema of the state and others that the handler goes on with.
///
/// ```ignore
/// guest::handler!(Rate, schema = 2, accepts = [1]);
/// ```
#[macro_export]
macro_rules! handler {
    ($handler:ty, schema = $schema:literal, accepts = [$($accepts:literal),*]) => {
        const _: () = {
            const ABI: &str = concat!(
                "world=1.0.0;sdk=rust/1;schema=",
                $schema,
                ";accepts=",
                stringify!($($accepts),*)
            );

            #[cfg_attr(target_arch = "wasm32", link_section = "handler-abi")]
            #[used]
            static SECTION: [u8; ABI.len()] = $crate::array_of(ABI);

            static HANDLER: $crate::Guest<$handler> = $crate::Guest::new($schema);

            #[cfg_attr(target_arch = "wasm32", export_name = "init")]
            #[allow(dead_code)]
            extern "C" fn init(
                rings: u32,
                rings_count: u32,
                is_state: u32,
                schema: u32,
                bytes: u32,
                length: u32,
            ) -> u32 {
                HANDLER.init([rings, rings_count], is_state, schema, [bytes, length])
            }

            #[cfg_attr(target_arch = "wasm32", export_name = "on-events")]
            #[allow(dead_code)]
            extern "C" fn on_events(ring: u32, at: u32, bytes: u32) -> u32 {
                HANDLER.on_events(ring, at, bytes)
            }

            #[cfg_attr(target_arch = "wasm32", export_name = "on-window")]
            #[allow(dead_code)]
            extern "C" fn on_window(ring: u32, at: u32, bytes: u32) -> u32 {
                HANDLER.on_window(ring, at, bytes)
            }

            #[cfg_attr(target_arch = "wasm32", export_name = "on-tick")]
            #[allow(dead_code)]
            extern "C" fn on_tick(now_ns: u64) {
                HANDLER.on_tick(now_ns);
            }

            #[cfg_attr(target_arch = "wasm32", export_name = "snapshot")]
            #[allow(dead_code)]
            extern "C" fn snapshot() -> u32 {
                HANDLER.snapshot()
            }

            #[cfg_attr(target_arch = "wasm32", export_name = "shutdown")]
            #[allow(dead_code)]
            extern "C" fn shutdown(reason: u32) {
                HANDLER.shutdown(reason);
            }
        };
    };
}

#[doc(hidden)]
pub use run::{array_of, Guest};

/// Says what went wrong, and ends the call with a trap.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(panic: &core::panic::PanicInfo<'_>) -> ! {
    log!(Level::Error, "{panic}");
    core::arch::wasm32::unreachable()
}
