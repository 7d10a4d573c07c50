//! What all handlers of a process share: both lanes' engines, the thread that ticks, compiled code.
//! Made once by `node` and by `packer test`.
//! Must never let a module of the core lane fill or copy memory: that ends the process in a window.

pub(crate) mod cache;
mod ticker;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use payload::digest::Digest;
use wasmtime::{Config, WasmFeatures};

use crate::compiled::Compiled;
use crate::fault::RefusedHandler;
use crate::grant::Grant;
use cache::{Cache, Key};
use ticker::Ticker;

/// Bytes of the stack that a guest may use; what calls it needs as many, and what host functions take.
const STACK_BYTES_MAX: usize = 512 << 10;
/// Address space of a memory: all that 32 bits reach, so that none ever moves.
const RESERVED_BYTES: u64 = 4 << 30;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// This machine can't run code as it is set up.
    #[error("handlers can't be run on this machine: {0}")]
    Machine(String),
    /// The thread that ticks was not started.
    #[error("no thread for the deadlines of handlers: {0}")]
    Thread(std::io::Error),
    /// The folder of compiled code can't be used.
    #[error("folder of compiled handlers {}: {rule}", folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        rule: String,
    },
}

/// Compiles handlers and has them run. Clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    core: wasmtime::Engine,
    component: wasmtime::Engine,
    ticker: Ticker,
    cache: Option<Cache>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine that keeps compiled code in the folder `cache`, which is made where it is not there.
    ///
    /// # Errors
    /// [`EngineError`]; a folder that is not this user's alone is refused.
    pub fn new(cache: Option<PathBuf>) -> Result<Self, EngineError> {
        let cache = cache.map(Cache::open).transpose()?;
        let made = |config: &Config| {
            wasmtime::Engine::new(config).map_err(|e| EngineError::Machine(format!("{e:#}")))
        };
        let (core, component) = (made(&core_lane())?, made(&both_lanes())?);
        let engines = [core.clone(), component.clone()];
        let tick = move || engines.iter().for_each(wasmtime::Engine::increment_epoch);
        let ticker = Ticker::start(tick).map_err(EngineError::Thread)?;
        Ok(Self(Arc::new(Shared {
            core,
            component,
            ticker,
            cache,
        })))
    }

    /// Makes `wasm` ready to run with these rights, from the code that was compiled of it before if
    /// there is any. Its imports and exports are checked here.
    ///
    /// # Errors
    /// [`RefusedHandler`].
    pub fn compile(&self, wasm: &[u8], grant: &Grant) -> Result<Compiled, RefusedHandler> {
        Compiled::new(self, wasm, grant)
    }

    /// The engine of the core lane.
    pub(crate) fn core(&self) -> &wasmtime::Engine {
        &self.0.core
    }

    /// The engine of the component lane.
    pub(crate) fn component(&self) -> &wasmtime::Engine {
        &self.0.component
    }

    /// Counts milliseconds until the value is dropped.
    pub(crate) fn ticking(&self) -> ticker::Ticking<'_> {
        self.0.ticker.ticking()
    }

    /// Code that `engine` compiled of `wasm`: the kept one if `read` takes it, else what `compile` makes.
    pub(crate) fn compiled<T>(
        &self,
        wasm: &[u8],
        engine: &wasmtime::Engine,
        compile: impl FnOnce() -> Result<(T, Vec<u8>), RefusedHandler>,
        read: impl FnOnce(&cache::Artifact) -> Option<T>,
    ) -> Result<T, RefusedHandler> {
        let Some(cache) = &self.0.cache else {
            return compile().map(|(made, _)| made);
        };
        let key = Key::new(Digest::of(wasm), engine);
        if let Some(kept) = cache.load(&key).and_then(|artifact| read(&artifact)) {
            return Ok(kept);
        }
        let (made, artifact) = compile()?;
        cache.keep(&key, &artifact);
        Ok(made)
    }
}

/// What both lanes have in common.
fn both_lanes() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Traps are told with the names of functions, for which neither is needed.
        .generate_address_map(false)
        .native_unwind_info(false)
        .max_wasm_stack(STACK_BYTES_MAX)
        .memory_reservation(RESERVED_BYTES)
        .memory_may_move(false)
        .wasm_features(
            WasmFeatures::MEMORY64 | WasmFeatures::MULTI_MEMORY | WasmFeatures::RELAXED_SIMD,
            false,
        );
    config
}

/// Nothing that reads or writes memory in host code, where a window can't be protected: with bulk
/// memory goes what is built on it.
fn core_lane() -> Config {
    let mut config = both_lanes();
    config.wasm_features(
        WasmFeatures::BULK_MEMORY
            | WasmFeatures::REFERENCE_TYPES
            | WasmFeatures::FUNCTION_REFERENCES
            | WasmFeatures::GC
            | WasmFeatures::EXCEPTIONS,
        false,
    );
    config
}
