//! Histograms in maps and variables: which arrays of counts are one, by declarations in the source
//! (`bpf/include/hist.bpf.h`) or because somebody asks for it, and which values a slot stands for.
//! Called by the node when it reads maps. Must never read counts outside of their value.

use std::collections::BTreeMap;

use crate::btf::{Btf, Kind, Type, TypeId};
use crate::limits::{BTF_DEPTH_MAX, EVENT_FIELDS_MAX, HISTOGRAM_SLOTS_MAX, HISTOGRAMS_MAX};
use crate::object::{Map, MapKind};

/// What declares how a field is shown or that it holds a histogram:
/// `__attribute__((btf_decl_tag("marrow:log2")))`.
pub const TAG_PREFIX: &str = "marrow:";

/// How slots and values belong together. The last slot also counts all values above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Slot n counts from 2^n to 2^(n+1) - 1, slot 0 also 0.
    Log2,
    /// Slot n counts from n * step to (n + 1) * step - 1.
    Linear {
        /// Values a slot, at least 1.
        step: u64,
    },
}

impl Scale {
    /// The scale of this name: `log2`, `linear`, or `linear:STEP`.
    #[must_use]
    pub fn named(name: &str) -> Option<Scale> {
        let step = match name {
            "log2" => return Some(Scale::Log2),
            "linear" => 1,
            _ => name.strip_prefix("linear:")?.parse().ok()?,
        };
        (step > 0).then_some(Scale::Linear { step })
    }

    /// The lowest and the highest value of a slot, the highest as if it were not the last one.
    #[must_use]
    pub fn range(self, slot: u32) -> (u64, u64) {
        match self {
            Scale::Log2 => {
                let low = 1_u64.checked_shl(slot).unwrap_or(u64::MAX);
                let low = if slot == 0 { 0 } else { low };
                let high = 2_u64.checked_shl(slot).unwrap_or(0).wrapping_sub(1);
                (low, high.max(low))
            }
            Scale::Linear { step } => {
                let low = step.saturating_mul(slot.into());
                (low, low.saturating_add(step - 1))
            }
        }
    }
}

/// The slots of one histogram within a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The path of the field; empty if the value is the histogram.
    pub field: String,
    /// How slots and values belong together.
    pub scale: Scale,
    /// The unit of the values, where a name says one.
    pub unit: Option<&'static str>,
    at: u32,
    count: u32,
    /// Bytes of a count: 1, 2, 4 or 8.
    bytes: u32,
}

impl Slots {
    /// The counts; none if the value is too short.
    #[must_use]
    pub fn read(&self, value: &[u8]) -> Option<Vec<u64>> {
        let [at, count, bytes] =
            [self.at, self.count, self.bytes].map(|number| usize::try_from(number).ok());
        let (at, count, bytes) = (at?, count?, bytes?);
        let end = at.checked_add(count.checked_mul(bytes)?)?;
        let counts = value.get(at..end)?.chunks_exact(bytes).map(|count| {
            let wide = count.iter().rev();
            wide.fold(0_u64, |wide, &byte| wide << 8 | u64::from(byte))
        });
        Some(counts.collect())
    }
}

/// Where a map holds histograms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Histograms {
    /// In each value.
    Within(Vec<Slots>),
    /// The map is one: the key is the slot, the value its count.
    ByKey {
        /// How slots and values belong together.
        scale: Scale,
        /// The unit of the values, where the map's name says one.
        unit: Option<&'static str>,
    },
}

/// The declarations of a BTF.
pub struct Declared<'a> {
    btf: &'a Btf,
    scales: BTreeMap<(TypeId, Option<u32>), Scale>,
}

impl<'a> Declared<'a> {
    /// Reads them.
    #[must_use]
    pub fn of(btf: &'a Btf) -> Declared<'a> {
        let scale = |id| match btf.type_at(id) {
            Type::DeclTag { of, component } => {
                let scale = Scale::named(btf.name(id).strip_prefix(TAG_PREFIX)?)?;
                Some(((of, component), scale))
            }
            _ => None,
        };
        let tags = btf.ids().filter(|&id| btf.kind(id) == Kind::DeclTag);
        Declared {
            btf,
            scales: tags.filter_map(scale).collect(),
        }
    }

    /// The histograms of a map; `wish` makes one of every array of counts.
    #[must_use]
    pub fn in_map(&self, map: &Map, wish: Option<Scale>) -> Histograms {
        let declared = self.of_variable(&map.name);
        let scale = wish.or(declared);
        let Some(value) = map.value_type else {
            return Histograms::Within(Vec::new());
        };
        if let Some(scale) = scale
            && self.count_bytes(value).is_some()
            && self.is_slot(map)
        {
            let unit = unit_of(&map.name);
            return Histograms::ByKey { scale, unit };
        }
        Histograms::Within(self.in_type(value, &map.name, declared, wish))
    }

    /// The histograms of a variable, by its name.
    #[must_use]
    pub fn in_variable(&self, name: &str, of: TypeId, wish: Option<Scale>) -> Vec<Slots> {
        self.in_type(of, name, self.of_variable(name), wish)
    }

    fn of_variable(&self, name: &str) -> Option<Scale> {
        let variable = self.btf.find(Kind::Var, name)?;
        self.scales.get(&(variable, None)).copied()
    }

    fn in_type(
        &self,
        of: TypeId,
        name: &str,
        declared: Option<Scale>,
        wish: Option<Scale>,
    ) -> Vec<Slots> {
        let mut search = Search {
            wish,
            found: Vec::new(),
            fields_left: EVENT_FIELDS_MAX,
        };
        let top = Place {
            of,
            at_bits: 0,
            path: "",
            unit: unit_of(name),
            declared,
            depth: 0,
        };
        self.search(&top, &mut search);
        search.found
    }

    fn search(&self, place: &Place<'_>, search: &mut Search) {
        if search.found.len() == HISTOGRAMS_MAX || place.depth > BTF_DEPTH_MAX {
            return;
        }
        // Structs within structs can have more fields than anybody waits for.
        let Some(left) = search.fields_left.checked_sub(1) else {
            return;
        };
        search.fields_left = left;
        let (id, typedef) = self.behind_names(place.of);
        match self.btf.type_at(id) {
            Type::Array { element, count } => {
                let scale = search.wish.or(place.declared).or(typedef.scale);
                let Some(bytes) = self.count_bytes(element) else {
                    return self.search_each(place, element, count, search);
                };
                if let Some(scale) = scale
                    && (2..=HISTOGRAM_SLOTS_MAX).contains(&count)
                {
                    search.found.push(Slots {
                        field: place.path.to_owned(),
                        scale,
                        unit: place.unit.or(typedef.unit),
                        at: place.at_bits / 8,
                        count,
                        bytes,
                    });
                }
            }
            Type::Struct(of) => {
                for (number, member) in (0_u32..).zip(of.members()) {
                    let path = match (place.path, member.name) {
                        ("", name) => name.to_owned(),
                        (path, "") => path.to_owned(),
                        (path, name) => format!("{path}.{name}"),
                    };
                    let inner = Place {
                        of: member.of,
                        at_bits: place.at_bits.saturating_add(member.bit_offset),
                        path: &path,
                        unit: unit_of(member.name).or(place.unit),
                        declared: self.scales.get(&(id, Some(number))).copied(),
                        depth: place.depth + 1,
                    };
                    self.search(&inner, search);
                }
            }
            _ => {}
        }
    }

    /// Looks into each element of an array: a histogram a CPU, a device, a kind of request.
    fn search_each(&self, place: &Place<'_>, element: TypeId, count: u32, search: &mut Search) {
        let bits = self
            .btf
            .size_of(element)
            .and_then(|bytes| bytes.checked_mul(8));
        let Some(bits) = bits.and_then(|bits| u32::try_from(bits).ok()) else {
            return;
        };
        for number in 0..count {
            if search.fields_left == 0 || search.found.len() == HISTOGRAMS_MAX {
                return;
            }
            let inner = Place {
                of: element,
                at_bits: place.at_bits.saturating_add(bits.saturating_mul(number)),
                path: &format!("{}[{number}]", place.path),
                depth: place.depth + 1,
                ..*place
            };
            self.search(&inner, search);
        }
    }

    /// The type behind typedefs and qualifiers, and what the typedefs declare.
    fn behind_names(&self, mut id: TypeId) -> (TypeId, Typedef) {
        let mut typedef = Typedef::default();
        loop {
            match self.btf.type_at(id) {
                Type::Typedef(to) => {
                    typedef.scale = typedef.scale.or(self.scales.get(&(id, None)).copied());
                    typedef.unit = typedef.unit.or(unit_of(self.btf.name(id)));
                    id = to;
                }
                Type::Const(to) | Type::Volatile(to) | Type::Restrict(to) | Type::TypeTag(to) => {
                    id = to;
                }
                // `parse` has refused endless chains.
                _ => return (id, typedef),
            }
        }
    }

    /// Bytes of an unsigned integer that can be a count.
    fn count_bytes(&self, of: TypeId) -> Option<u32> {
        match self.btf.type_at(self.btf.resolve(of)) {
            Type::Int(int) if !int.signed && !int.boolean && int.bits == int.bytes * 8 => {
                Some(int.bytes).filter(|bytes| matches!(bytes, 1 | 2 | 4 | 8))
            }
            _ => None,
        }
    }

    /// Whether the keys of a map can be slots.
    fn is_slot(&self, map: &Map) -> bool {
        let integer =
            |of| matches!(self.btf.type_at(self.btf.resolve(of)), Type::Int(int) if int.bytes <= 8);
        let indexed = matches!(map.kind, MapKind::ARRAY | MapKind::PERCPU_ARRAY);
        indexed || map.key_type.is_some_and(integer)
    }
}

/// A search for histograms in one type.
struct Search {
    wish: Option<Scale>,
    found: Vec<Slots>,
    fields_left: usize,
}

/// Where the search stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    of: TypeId,
    at_bits: u32,
    path: &'p str,
    unit: Option<&'static str>,
    declared: Option<Scale>,
    depth: u8,
}

#[derive(Default)]
struct Typedef {
    scale: Option<Scale>,
    unit: Option<&'static str>,
}

/// The unit that a name ends with: `wait_us`.
fn unit_of(name: &str) -> Option<&'static str> {
    const UNITS: [&str; 11] = [
        "ns", "us", "ms", "s", "bytes", "kb", "mb", "pages", "sectors", "packets", "cpus",
    ];
    let (_, last) = name.rsplit_once('_')?;
    UNITS.into_iter().find(|unit| *unit == last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_known_by_their_names() {
        assert_eq!(Scale::named("log2"), Some(Scale::Log2));
        assert_eq!(Scale::named("linear"), Some(Scale::Linear { step: 1 }));
        assert_eq!(Scale::named("linear:10"), Some(Scale::Linear { step: 10 }));
        for name in ["", "log10", "linear:", "linear:0", "linear:-1", "linear:x"] {
            assert_eq!(Scale::named(name), None, "{name}");
        }
    }

    #[test]
    fn slots_of_powers_follow_each_other_without_a_gap() {
        assert_eq!(Scale::Log2.range(0), (0, 1));
        assert_eq!(Scale::Log2.range(1), (2, 3));
        for slot in 1..64 {
            assert_eq!(Scale::Log2.range(slot).0, Scale::Log2.range(slot - 1).1 + 1);
        }
        assert_eq!(Scale::Log2.range(63), (1 << 63, u64::MAX));
        assert_eq!(Scale::Log2.range(64), (u64::MAX, u64::MAX));
    }

    #[test]
    fn linear_slots_have_their_step() {
        let scale = Scale::Linear { step: 10 };
        assert_eq!((scale.range(0), scale.range(3)), ((0, 9), (30, 39)));
        assert_eq!(Scale::Linear { step: 1 }.range(7), (7, 7));
        let wide = Scale::Linear { step: u64::MAX };
        assert_eq!(wide.range(2), (u64::MAX, u64::MAX));
    }

    #[test]
    fn a_unit_is_the_last_word_of_a_name() {
        assert_eq!(unit_of("wait_us"), Some("us"));
        assert_eq!(unit_of("size_bytes"), Some("bytes"));
        assert_eq!(
            (unit_of("us"), unit_of("bonus"), unit_of("")),
            (None, None, None)
        );
    }

    #[test]
    fn counts_are_read_where_they_are() {
        let slots = Slots {
            field: String::new(),
            scale: Scale::Log2,
            unit: None,
            at: 1,
            count: 2,
            bytes: 2,
        };
        assert_eq!(slots.read(&[9, 1, 2, 3, 4]), Some(vec![0x0201, 0x0403]));
        assert_eq!(slots.read(&[9, 1, 2, 3]), None);
    }
}
