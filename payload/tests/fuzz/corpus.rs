//! The inputs that fuzzing begins with: golden files, fixtures, objects that show one thing each.
//! Must never be made at run time: a seed gives the same inputs only on the same corpus.

pub(crate) const PAYLOADS: [&[u8]; 2] = [
    include_bytes!("../golden/small.wasm"),
    include_bytes!("corpus/handled.wasm"),
];

pub(crate) const ENVELOPES: [&[u8]; 2] = [
    include_bytes!("../golden/small.envelope.json"),
    include_bytes!("corpus/two.envelope.json"),
];

pub(crate) const MANIFESTS: [&[u8]; 3] = [
    include_bytes!("corpus/full.manifest.json"),
    include_bytes!("corpus/handler.manifest.json"),
    include_bytes!("corpus/least.manifest.json"),
];

pub(crate) const KEYS: [&[u8]; 2] = [
    include_bytes!("../golden/openssl-private.pem"),
    include_bytes!("../golden/openssl-public.pem"),
];

/// Made from tests/corpus/*.bpf.c of the repository, see README.md beside them.
pub(crate) const OBJECTS: [&[u8]; 16] = [
    include_bytes!("../golden/small.bpf.o"),
    include_bytes!("../golden/legacy/exec.bpf.o"),
    include_bytes!("corpus/core_enum64.bpf.o"),
    include_bytes!("corpus/core_fields.bpf.o"),
    include_bytes!("corpus/core_types.bpf.o"),
    include_bytes!("corpus/functions.bpf.o"),
    include_bytes!("corpus/core_registers.bpf.o"),
    include_bytes!("corpus/kconfig.bpf.o"),
    include_bytes!("corpus/ksyms.bpf.o"),
    include_bytes!("corpus/many_sections.bpf.o"),
    include_bytes!("corpus/maps_of_maps.bpf.o"),
    include_bytes!("corpus/maps_struct_ops.bpf.o"),
    include_bytes!("corpus/maps_timer.bpf.o"),
    include_bytes!("corpus/no_btf.bpf.o"),
    include_bytes!("corpus/several_programs.bpf.o"),
    include_bytes!("corpus/several_rings.bpf.o"),
];

/// Made from handler.c, see README.md beside it.
pub(crate) const HANDLERS: [&[u8]; 2] = [
    include_bytes!("corpus/handler.core.wasm"),
    include_bytes!("corpus/handler.component.wasm"),
];

pub(crate) const BTFS: [&[u8]; 2] = [
    include_bytes!("../fixtures/btf/kinds.btf"),
    include_bytes!("../fixtures/btf/events.btf"),
];

pub(crate) const GENERATION_0: [&[u8]; 4] = [
    include_bytes!("../golden/legacy/generation-0.json"),
    include_bytes!("../golden/legacy/generation-0-no-name.json"),
    include_bytes!("../golden/legacy/generation-0-long-keys.json"),
    include_bytes!("../golden/legacy/wrapped.json"),
];

pub(crate) const GENERATION_1: [&[u8]; 1] = [include_bytes!("../golden/legacy/generation-1.json")];

pub(crate) const GENERATION_2: [&[u8]; 1] = [include_bytes!("../golden/legacy/generation-2.json")];
