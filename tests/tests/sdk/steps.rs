//! The handlers that do what each record tells them, and what they are told. `tests/handlers/step.h` has
//! the same numbers. Must never leave out a way to run them.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

use super::stage::{Built, Driven, repository};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum What {
    Get = 1,
    Find,
    Remove,
    List,
    Text,
    Number,
    Address,
    Lookup,
    Update,
    Delete,
    Scan,
    Count,
    Observe,
    Setting,
    Process,
    Layout,
    Clocks,
    Log,
    Hist,
    Long,
    Deep,
    Spend,
    Trap,
}

/// A handler of these tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sdk {
    C,
    Rust,
}

/// How one is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) sdk: Sdk,
    lane: &'static str,
    pub(crate) mapped: bool,
}

const LANES: [&str; 2] = ["core", "component"];
const HANDLERS: &str = "tests/handlers";

/// Every way to run one.
pub(crate) fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for sdk in [Sdk::C, Sdk::Rust] {
        for lane in LANES {
            for mapped in [false, true] {
                ways.push(Way { sdk, lane, mapped });
            }
        }
    }
    ways
}

/// Every way to run the one in C, which has what Rust has in its library.
pub(crate) fn ways_in_c() -> Vec<Way> {
    let mut ways = ways();
    ways.retain(|way| way.sdk == Sdk::C);
    ways
}

impl Way {
    /// Whether it is a core module.
    pub(crate) fn is_module(self) -> bool {
        self.lane == LANES[0]
    }

    /// Whether a ring of 64 KiB is read where it is.
    pub(crate) fn reads_in_place(self) -> bool {
        self.mapped && self.is_module()
    }

    /// The handler, built once.
    pub(crate) fn built(self) -> &'static Built {
        static BUILT: [OnceLock<Built>; 4] = [const { OnceLock::new() }; 4];
        let place = 2 * usize::from(self.sdk == Sdk::Rust) + usize::from(self.lane != LANES[0]);
        BUILT[place].get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            self.lay(folder.path());
            Built::of(folder.path())
        })
    }

    /// Makes a payload's folder of the files of `tests/handlers`.
    fn lay(self, folder: &Path) {
        let from = repository().join(HANDLERS);
        let put = |name: &str, to: &str, change: &dyn Fn(String) -> String| {
            let text = std::fs::read_to_string(from.join(name)).unwrap();
            let to = folder.join(to);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            // Nobody reads it while it is written.
            #[expect(clippy::disallowed_methods, reason = "a folder of this test's own")]
            std::fs::write(to, change(text)).unwrap();
        };
        let lane = |text: String| text.replace(LANES[0], self.lane);
        put("payload.toml", "payload.toml", &lane);
        put("sdk.bpf.c", "sdk.bpf.c", &|text| text);
        put("step.h", "step.h", &|text| text);
        if self.sdk == Sdk::C {
            return put("sdk.c", "handler.c", &|text| text);
        }
        let guest = std::fs::canonicalize(repository().join("bpf/guest")).unwrap();
        let guest = guest.to_str().unwrap();
        put("sdk/Cargo.toml", "handler/Cargo.toml", &|text| {
            text.replace("../../../bpf/guest", guest)
        });
        put("sdk/src/lib.rs", "handler/src/lib.rs", &|text| text);
    }

    /// One that was begun without a state.
    pub(crate) fn begun(self) -> Driven {
        Driven::begun(self.built(), self.mapped, None)
    }
}

/// A record that says what to do.
pub(crate) fn step(what: What, key: u32, value: u64, text: &[u8]) -> Vec<u8> {
    let mut step = (what as u32).to_le_bytes().to_vec();
    step.extend(key.to_le_bytes());
    step.extend(value.to_le_bytes());
    step.extend(text);
    step.resize(80, 0);
    step
}

/// Has one thing done, and gives the one output.
pub(crate) fn ask(driven: &mut Driven, what: What, key: u32, value: u64, text: &[u8]) -> Value {
    let mut told = asked(driven, what, key, value, text);
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

/// Has one thing done, and gives the outputs.
pub(crate) fn asked(
    driven: &mut Driven,
    what: What,
    key: u32,
    value: u64,
    text: &[u8],
) -> Vec<Value> {
    driven.events("steps", &[step(what, key, value, text)]);
    let told = driven.told();
    told.outputs.into_iter().map(|(_, event)| event).collect()
}
