//! Two types of two objects side by side, for people: what stands where in the one and in the
//! other. Called by the node when a map can't go on from one generation to the next.
//! Must never judge: whether two types agree is `agree`'s to say.

use std::collections::BTreeMap;

use super::{Btf, Composite, Member, Type, TypeId};
use crate::limits::LAYOUT_FIELDS_MAX;
use crate::object::type_name;

/// Where one field stands, and what it is.
struct Place {
    offset_bits: u64,
    bits: u64,
    type_name: String,
}

impl Place {
    fn text(&self) -> String {
        let whole = self.offset_bits.is_multiple_of(8) && self.bits.is_multiple_of(8);
        let (offset, size, unit) = if whole {
            (self.offset_bits / 8, self.bits / 8, "bytes")
        } else {
            (self.offset_bits, self.bits, "bits")
        };
        format!("{offset:>4} {size:>5} {unit}  {}", self.type_name)
    }
}

/// Every field of both types: its offset, size and type in `old` and in `new`, a line a field, the
/// fields of nested structs by their paths. Fields that only `old` has come last. At most
/// [`LAYOUT_FIELDS_MAX`] of each type.
#[must_use]
pub fn side_by_side(old: (&Btf, TypeId), new: (&Btf, TypeId)) -> String {
    let (old, new) = (Fields::of(old), Fields::of(new));
    let mut rows = vec![["field".to_owned(), "was".to_owned(), "is".to_owned()]];
    let cell = |place: Option<&Place>| place.map_or_else(|| "-".to_owned(), Place::text);
    for (name, place) in &new.list {
        rows.push([name.clone(), cell(old.find(name)), place.text()]);
    }
    for (name, place) in &old.list {
        if new.find(name).is_none() {
            rows.push([name.clone(), place.text(), cell(None)]);
        }
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (names, before) = (width(0), width(1));
    let line = |[name, was, is]: &[String; 3]| format!("{name:names$}  {was:before$}  {is}");
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    if old.left == 0 || new.left == 0 {
        lines.push(format!("{LAYOUT_FIELDS_MAX} fields are shown, the most"));
    }
    lines.join("\n")
}

/// The fields of one type, in their order.
struct Fields<'btf> {
    btf: &'btf Btf,
    list: Vec<(String, Place)>,
    by_name: BTreeMap<String, usize>,
    /// Members that may still be looked at.
    left: usize,
}

impl<'btf> Fields<'btf> {
    fn of((btf, id): (&'btf Btf, TypeId)) -> Self {
        let mut fields = Self {
            btf,
            list: Vec::new(),
            by_name: BTreeMap::new(),
            left: LAYOUT_FIELDS_MAX,
        };
        let bits = btf.size_of(id).unwrap_or(0).saturating_mul(8);
        fields.push("(all)".to_owned(), id, 0, bits);
        fields.members("", id, 0);
        fields
    }

    fn find(&self, name: &str) -> Option<&Place> {
        let (_, place) = self.list.get(*self.by_name.get(name)?)?;
        Some(place)
    }

    fn push(&mut self, name: String, of: TypeId, offset_bits: u64, bits: u64) {
        self.by_name.entry(name.clone()).or_insert(self.list.len());
        let place = Place {
            offset_bits,
            bits,
            type_name: type_name(self.btf, of),
        };
        self.list.push((name, place));
    }

    /// `Btf::parse` has refused what nests too deep.
    fn members(&mut self, path: &str, id: TypeId, base: u64) {
        let Some(composite) = composite(self.btf, id) else {
            return;
        };
        for member in composite.members() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let Member { name, of, .. } = member;
            let offset_bits = base.saturating_add(member.bit_offset.into());
            // Members of an anonymous struct are named like those beside it, as in C.
            if name.is_empty() {
                self.members(path, of, offset_bits);
                continue;
            }
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{name}");
            let bits = match member.bit_field_bits {
                0 => self.btf.size_of(of).unwrap_or(0).saturating_mul(8),
                bits => bits.into(),
            };
            self.push(path.clone(), of, offset_bits, bits);
            self.members(&path, of, offset_bits);
        }
    }
}

fn composite(btf: &Btf, id: TypeId) -> Option<Composite<'_>> {
    match btf.type_at(btf.resolve(id)) {
        Type::Struct(composite) | Type::Union(composite) => Some(composite),
        _ => None,
    }
}
