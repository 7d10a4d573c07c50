//! The part of a kernel's BTF that one object's CO-RE relocations ask about, as a BTF of its own.
//! Called by the node before it loads an object: libbpf reads it in place of the whole.
//! Must never leave out a type of a root's name: libbpf takes what is missing for non-existent, and
//! answers wrong without a word.
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use thiserror::Error;

use super::record::{self, HEADER_BYTES, Header, Reference, word};
use super::{Btf, FILE_HEADER_BYTES, Kind, MAGIC, TypeId, essential_name};
use crate::object::{CoreKind, CoreRelocation, ExternKind, MapKind, Object};

/// What to give libbpf as the kernel's BTF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Nothing: the object has no CO-RE relocation.
    Unneeded,
    /// These bytes, for `btf_custom_path`.
    Small(Vec<u8>),
    /// The kernel's own, for this reason.
    Full(WhyFull),
}

/// Why a part of the kernel's BTF would not do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WhyFull {
    /// A module may define it, or nobody: only libbpf, with all BTFs, can tell.
    #[error("the kernel's BTF has no type \"{name}\"; a module's may")]
    RootMissing {
        /// The type's name, without flavour.
        name: String,
    },
    /// libbpf refuses the relocation, and says so better.
    #[error("a relocation's root has no name")]
    RootNameless,
    /// Its number in the kernel's BTF is asked for, which is another one in a part.
    #[error("the object asks for the number of type \"{name}\" in the kernel's BTF")]
    TypeNumber {
        /// The type's name, without flavour.
        name: String,
    },
    /// Functions and variables of the kernel are looked up in the whole.
    #[error("the object uses \"{name}\" of the kernel")]
    KernelSymbol {
        /// The function or variable.
        name: String,
    },
    /// The kernel's operations structs are looked up in the whole.
    #[error("the object defines kernel operations, \"{map}\"")]
    KernelOperations {
        /// The map.
        map: String,
    },
    /// The object's relocations are of types it does not have.
    #[error("the object has relocations, but no types")]
    NoTypes,
}

/// Cuts the kernel's BTF down to what `object` needs.
///
/// The kernel's index by name is built at the first call for a `kernel`; keep it.
#[must_use]
pub fn cut(object: &Object, kernel: &Btf) -> Cut {
    match small(object, kernel) {
        Ok(Some(bytes)) => Cut::Small(bytes),
        Ok(None) => Cut::Unneeded,
        Err(why) => Cut::Full(why),
    }
}

fn small(object: &Object, kernel: &Btf) -> Result<Option<Vec<u8>>, WhyFull> {
    if object.core_relocations.is_empty() {
        return Ok(None);
    }
    let own = object.btf.as_ref().ok_or(WhyFull::NoTypes)?;
    let symbol = object
        .externs
        .iter()
        .find(|extern_| extern_.kind != ExternKind::Kconfig);
    if let Some(symbol) = symbol {
        return Err(WhyFull::KernelSymbol {
            name: symbol.name.clone(),
        });
    }
    if let Some(map) = object
        .maps
        .iter()
        .find(|map| map.kind == MapKind::STRUCT_OPS)
    {
        return Err(WhyFull::KernelOperations {
            map: map.name.clone(),
        });
    }
    let mut part = Part::new(kernel);
    let mut done = HashSet::<u32, BuildHasherDefault<Spread>>::default();
    for relocation in &object.core_relocations {
        let follow = u32::from(asks_about_type(relocation.kind));
        if done.insert(relocation.root.0 << 1 | follow) {
            root(own, relocation, &mut part)?;
        }
    }
    Ok(Some(part.write()))
}

/// Whether the answer depends on more of a type than its members' places.
fn asks_about_type(kind: CoreKind) -> bool {
    matches!(
        kind,
        CoreKind::TypeExists | CoreKind::TypeSize | CoreKind::TypeMatches
    )
}

/// Takes all types of the kernel that libbpf could mean by a root.
fn root(own: &Btf, relocation: &CoreRelocation, part: &mut Part<'_>) -> Result<(), WhyFull> {
    let name = essential_name(own.name(relocation.root));
    match relocation.kind {
        CoreKind::TypeIdLocal => return Ok(()),
        _ if name.is_empty() => return Err(WhyFull::RootNameless),
        CoreKind::TypeIdTarget => {
            return Err(WhyFull::TypeNumber {
                name: name.to_owned(),
            });
        }
        _ => {}
    }
    let parts = Parts {
        members: true,
        pointees: asks_about_type(relocation.kind),
    };
    let wanted = own.kind(relocation.root);
    let mut found = false;
    for id in part.kernel.by_essential_name(name) {
        let kind = part.kernel.kind(id);
        if kind.is_type() {
            part.take(id, parts);
            found |= kind == wanted || (is_enum(kind) && is_enum(wanted));
        }
    }
    if found {
        Ok(())
    } else {
        Err(WhyFull::RootMissing {
            name: name.to_owned(),
        })
    }
}

fn is_enum(kind: Kind) -> bool {
    matches!(kind, Kind::Enum | Kind::Enum64)
}

/// How much of a type is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    /// Members of structs and unions; without them only name and size are kept.
    members: bool,
    /// What pointers point to; without them they point to void.
    pointees: bool,
}

impl Parts {
    fn and(self, other: Self) -> Self {
        Self {
            members: self.members || other.members,
            pointees: self.pointees || other.pointees,
        }
    }
}

/// Type numbers and string offsets are spread well enough by one multiplication.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

type Map<V> = HashMap<u32, V, BuildHasherDefault<Spread>>;

/// The types taken so far.
struct Part<'a> {
    kernel: &'a Btf,
    /// In the order of their new numbers, from 1.
    taken: Vec<(TypeId, Parts)>,
    /// Old number to new number.
    numbers: Map<u32>,
}

impl<'a> Part<'a> {
    fn new(kernel: &'a Btf) -> Self {
        Self {
            kernel,
            taken: Vec::new(),
            numbers: Map::default(),
        }
    }

    /// Takes a type and all that it is made of. A type is visited at most three times: when it is
    /// first met, and when members or pointees are wanted later.
    fn take(&mut self, id: TypeId, parts: Parts) {
        let mut next = vec![(id, parts)];
        while let Some((id, wanted)) = next.pop() {
            let Some(parts) = self.note(id, wanted) else {
                continue;
            };
            let header = self.kernel.header(id);
            let Some(below) = below(header.kind, parts) else {
                continue;
            };
            let bytes = self.kernel.raw(id);
            each_type(&header, |at| next.push((TypeId(word(bytes, at)), below)));
        }
    }

    /// Numbers a type; gives what is now wanted of it if that is more than before.
    fn note(&mut self, id: TypeId, wanted: Parts) -> Option<Parts> {
        if id == TypeId::VOID {
            return None;
        }
        let new = u32::try_from(self.taken.len() + 1).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(id.0).or_insert(new);
        if number == new {
            self.taken.push((id, wanted));
            return Some(wanted);
        }
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        let (_, before) = self.taken.get_mut(at)?;
        let both = before.and(wanted);
        let more = both != *before;
        *before = both;
        more.then_some(both)
    }

    /// The bytes of a BTF with the types taken.
    fn write(&self) -> Vec<u8> {
        let mut types = Vec::new();
        let mut strings = Strings::new(self.kernel);
        for (id, parts) in &self.taken {
            self.copy(*id, *parts, &mut types, &mut strings);
        }
        let mut bytes = Vec::with_capacity(FILE_HEADER_BYTES + types.len() + strings.bytes.len());
        bytes.extend(MAGIC.to_le_bytes());
        // Version 1, no flags.
        bytes.extend([1, 0]);
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let header = u32::try_from(FILE_HEADER_BYTES).unwrap_or(u32::MAX);
        let (types_length, strings_length) = (length(&types), length(&strings.bytes));
        for word in [header, 0, types_length, types_length, strings_length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(types);
        bytes.extend(strings.bytes);
        bytes
    }

    /// Copies one record, with new numbers and name offsets.
    fn copy(&self, id: TypeId, parts: Parts, types: &mut Vec<u8>, strings: &mut Strings<'_>) {
        let mut header = self.kernel.header(id);
        let start = types.len();
        let raw = self.kernel.raw(id);
        if has_members(header.kind) && !parts.members {
            types.extend(raw.get(..HEADER_BYTES).unwrap_or_default());
            let info = word(raw, 4) & !0xffff;
            put(types, start + 4, info);
            header.vlen = 0;
        } else {
            types.extend(raw);
        }
        let ends = below(header.kind, parts).is_none();
        let done: Result<(), std::convert::Infallible> = record::references(&header, |reference| {
            let (at, new) = match reference {
                Reference::Name(at) => (at, strings.place(word(raw, at))),
                Reference::Type(at) if ends => (at, 0),
                Reference::Type(at) => {
                    let new = self.numbers.get(&word(raw, at));
                    (at, new.copied().unwrap_or(0))
                }
            };
            put(types, start + at, new);
            Ok(())
        });
        let Ok(()) = done;
    }
}

fn has_members(kind: Kind) -> bool {
    matches!(kind, Kind::Struct | Kind::Union)
}

/// What is taken of the types that a type refers to; none if they are not taken.
fn below(kind: Kind, parts: Parts) -> Option<Parts> {
    match kind {
        Kind::Struct | Kind::Union => parts.members.then_some(parts),
        // Behind a pointer libbpf compares kinds and names of structs, never members.
        Kind::Ptr => parts.pointees.then_some(Parts {
            members: false,
            pointees: true,
        }),
        _ => Some(parts),
    }
}

fn each_type(header: &Header, mut found: impl FnMut(usize)) {
    let done: Result<(), std::convert::Infallible> = record::references(header, |reference| {
        if let Reference::Type(at) = reference {
            found(at);
        }
        Ok(())
    });
    let Ok(()) = done;
}

fn put(bytes: &mut [u8], at: usize, word: u32) {
    if let Some(four) = bytes.get_mut(at..at + 4) {
        four.copy_from_slice(&word.to_le_bytes());
    }
}

/// The strings of the new BTF, each once.
struct Strings<'a> {
    kernel: &'a Btf,
    bytes: Vec<u8>,
    /// Old offset to new offset.
    places: Map<u32>,
}

impl<'a> Strings<'a> {
    fn new(kernel: &'a Btf) -> Self {
        Self {
            kernel,
            bytes: vec![0],
            places: Map::default(),
        }
    }

    fn place(&mut self, at: u32) -> u32 {
        if at == 0 {
            return 0;
        }
        let (kernel, bytes) = (self.kernel, &mut self.bytes);
        *self.places.entry(at).or_insert_with(|| {
            let new = u32::try_from(bytes.len()).unwrap_or(0);
            bytes.extend(kernel.string(at).bytes());
            bytes.push(0);
            new
        })
    }
}
