//! A handler that is ready to be run. Made by the engine, from the bytes or from what was compiled of
//! them before. Must never be made of a module that imports more than it was granted.

pub(crate) mod imports;

use std::fmt;
use std::sync::Arc;

use crate::component_lane::ComponentCode;
use crate::core_lane::CoreCode;
use crate::engine::Engine;
use crate::fault::{Fault, RefusedHandler};
use crate::grant::Grant;
use crate::guest::{Calls, Guest, GuestRing};
use crate::host::Host;
use crate::world::World;

/// The first eight bytes of a component.
const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

/// How a handler is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A core module, which reads its rings where the kernel writes them.
    Core,
    /// A component, which gets copies.
    Component,
}

impl Lane {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Component => "component",
        }
    }
}

/// A handler that is ready to be run. Clones are the same code.
#[derive(Clone)]
pub struct Compiled(Arc<Ready>);

struct Ready {
    engine: Engine,
    grant: Arc<Grant>,
    code: Code,
}

enum Code {
    Core(CoreCode),
    Component(ComponentCode),
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lane = self.lane();
        f.debug_struct("Compiled")
            .field("lane", &lane)
            .finish_non_exhaustive()
    }
}

impl Compiled {
    pub(crate) fn new(engine: &Engine, wasm: &[u8], grant: &Grant) -> Result<Self, RefusedHandler> {
        let code = if wasm.starts_with(&COMPONENT) {
            Code::Component(ComponentCode::new(engine, wasm, grant)?)
        } else {
            Code::Core(CoreCode::new(engine, wasm, grant)?)
        };
        Ok(Self(Arc::new(Ready {
            engine: engine.clone(),
            grant: Arc::new(grant.clone()),
            code,
        })))
    }

    /// How it is run.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match &self.0.code {
            Code::Core(_) => Lane::Core,
            Code::Component(_) => Lane::Component,
        }
    }

    /// Makes a guest of it, in charge of nothing yet: `rings` are mapped where it has room for them,
    /// and it is not told of them before [`Guest::init`].
    ///
    /// # Errors
    /// [`Fault`]: its start function failed, it asks for more memory than it may have, or it gives a
    /// place for a window that is not free.
    pub fn guest(&self, rings: &[GuestRing<'_>], world: World) -> Result<Guest, Fault> {
        let ready = &*self.0;
        let told = rings.iter().map(|ring| ring.ring.clone()).collect();
        let host = Host::new(Arc::clone(&ready.grant), world, told);
        let running: Box<dyn Calls> = match &ready.code {
            Code::Core(code) => Box::new(code.guest(&ready.engine, host, rings)?),
            Code::Component(code) => Box::new(code.guest(&ready.engine, host)?),
        };
        Ok(Guest::new(ready.engine.clone(), running))
    }
}
