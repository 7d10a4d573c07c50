//! The event decoder from outside: structs that clang laid out are shown as documented, whatever
//! the record holds, and what cannot be shown is refused.

#[path = "btf/builder.rs"]
#[cfg(test)]
mod builder;
#[path = "event/fields.rs"]
#[cfg(test)]
mod fields;
#[path = "event/naive.rs"]
#[cfg(test)]
mod naive;
#[path = "event/properties.rs"]
#[cfg(test)]
mod properties;
#[path = "event/refused.rs"]
#[cfg(test)]
mod refused;
#[path = "event/values.rs"]
#[cfg(test)]
mod values;

use payload::btf::{Btf, Kind, TypeId};

/// BTF of fixtures/btf/events.bpf.c.
pub(crate) const EVENTS: &[u8] = include_bytes!("fixtures/btf/events.btf");

/// The fixture and one of its structs.
#[cfg(test)]
pub(crate) fn of_fixture(name: &str) -> (Btf, TypeId) {
    let btf = Btf::parse(EVENTS.to_vec()).expect("the fixture is good BTF");
    let id = btf
        .find(Kind::Struct, name)
        .expect("the struct is in the fixture");
    (btf, id)
}
