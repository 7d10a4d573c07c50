//! Compiles a conversion: two types walked side by side. Called by `Conversion::between` and, a
//! variable at a time, for data sections. `Btf::parse` has refused types that contain themselves or
//! nest too deep. Must never guess: what is neither the same nor plainly wider is refused.

use super::numeral::{names, number};
use super::step::Step;
use super::{Conversion, NoConversion};
use crate::btf::agree::agree;
use crate::btf::{Btf, Composite, Enumeration, Type, TypeId};
use crate::limits::{MIGRATED_FIELDS_MAX, MIGRATED_STEPS_MAX};
use crate::object::type_name;

/// A part of a value: its type and where it is.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) of: TypeId,
    /// Bits from the start of the value.
    pub(super) at: u64,
    /// Its width where it is a bit field, else 0.
    pub(super) bit_field_bits: u32,
}

/// A field with the name by which it is found; an anonymous union has none.
#[derive(Clone, Copy)]
struct Field<'btf> {
    name: &'btf str,
    part: Part,
}

/// Two objects' types, and what was compiled of them.
pub(super) struct Pairs<'btf> {
    old: &'btf Btf,
    new: &'btf Btf,
    steps: Vec<Step>,
    pub(super) dropped: Vec<String>,
    pub(super) added: Vec<String>,
    /// Fields that may still be looked at.
    fields_left: usize,
    /// Steps that may still be made, those of each element counted.
    steps_left: u64,
}

impl<'btf> Pairs<'btf> {
    pub(super) fn new(old: &'btf Btf, new: &'btf Btf) -> Self {
        Self {
            old,
            new,
            steps: Vec::new(),
            dropped: Vec::new(),
            added: Vec::new(),
            fields_left: MIGRATED_FIELDS_MAX,
            steps_left: MIGRATED_STEPS_MAX,
        }
    }

    pub(super) fn compiled(self, bytes: usize) -> Conversion {
        Conversion {
            steps: self.steps,
            bytes,
            dropped: self.dropped,
            renewed: Vec::new(),
            added: self.added,
        }
    }

    /// Two types from their first byte on.
    pub(super) fn whole(&mut self, old: TypeId, new: TypeId) -> Result<(), NoConversion> {
        let part = |of| Part {
            of,
            at: 0,
            bit_field_bits: 0,
        };
        self.part("", part(old), part(new))
    }

    /// Everything of two parts that belong together.
    pub(super) fn part(&mut self, path: &str, old: Part, new: Part) -> Result<(), NoConversion> {
        let old_type = self.old.type_at(self.old.resolve(old.of));
        let new_type = self.new.type_at(self.new.resolve(new.of));
        match (old_type, new_type) {
            (Type::Struct(was), Type::Struct(is)) => {
                let fields = |btf, composite, part: Part| {
                    let mut fields = Vec::new();
                    members(btf, composite, part.at, &mut fields);
                    fields
                };
                let (was, is) = (fields(self.old, was, old), fields(self.new, is, new));
                self.fields(path, &was, &is)
            }
            (Type::Union(was), Type::Union(is)) => self.union(path, (old, was), (new, is)),
            (
                Type::Array {
                    element: was,
                    count: was_count,
                },
                Type::Array { element: is, count },
            ) => {
                if count < was_count {
                    return Err(NoConversion::Shorter {
                        at: named(path),
                        was: was_count,
                        is: count,
                    });
                }
                self.array(path, was_count, (was, old.at), (is, new.at))
            }
            _ => self.scalar(path, old, new),
        }
    }

    fn fields(
        &mut self,
        path: &str,
        old: &[Field<'_>],
        new: &[Field<'_>],
    ) -> Result<(), NoConversion> {
        let looked_at = old.len().saturating_add(new.len());
        let left = self.fields_left.checked_sub(looked_at);
        self.fields_left = left.ok_or_else(NoConversion::too_large)?;
        let mut found = vec![false; old.len()];
        for field in new {
            let mut candidates = old.iter().zip(&mut found);
            let same =
                candidates.find(|(other, found)| !**found && self.belong_together(other, field));
            if let Some((other, found)) = same {
                *found = true;
                self.part(&join(path, field.name), other.part, field.part)?;
            } else {
                self.added.push(join(path, field.name));
            }
        }
        let gone = old.iter().zip(found).filter(|(_, found)| !found);
        self.dropped
            .extend(gone.map(|(field, _)| join(path, field.name)));
        Ok(())
    }

    /// Whether two fields of two structs are one: by name; anonymous unions by any of their members.
    fn belong_together(&self, old: &Field<'_>, new: &Field<'_>) -> bool {
        if !(old.name.is_empty() && new.name.is_empty()) {
            return old.name == new.name;
        }
        let old = self.old.type_at(self.old.resolve(old.part.of));
        let new = self.new.type_at(self.new.resolve(new.part.of));
        let (Type::Union(old), Type::Union(new)) = (old, new) else {
            return false;
        };
        old.members()
            .any(|member| new.members().any(|other| other.name == member.name))
    }

    /// Nobody knows which member was written last, so bytes stay as they are, and every member that
    /// was there must be there and mean the same.
    fn union(
        &mut self,
        path: &str,
        (old, was): (Part, Composite<'_>),
        (new, is): (Part, Composite<'_>),
    ) -> Result<(), NoConversion> {
        let left = was.members().len().saturating_mul(is.members().len());
        if left > MIGRATED_FIELDS_MAX {
            return Err(NoConversion::too_large());
        }
        let kept = |member: crate::btf::Member<'_>| {
            is.members().any(|other| {
                other.name == member.name
                    && other.bit_field_bits == member.bit_field_bits
                    && agree((self.old, member.of), (self.new, other.of))
            })
        };
        if was.bytes > is.bytes || !was.members().all(kept) {
            return Err(NoConversion::Union { at: named(path) });
        }
        self.copy(old.at, new.at, was.bytes)
    }

    fn array(
        &mut self,
        path: &str,
        count: u32,
        (old, old_at): (TypeId, u64),
        (new, new_at): (TypeId, u64),
    ) -> Result<(), NoConversion> {
        if count == 0 {
            return Ok(());
        }
        let left = self.steps_left;
        let outer = std::mem::take(&mut self.steps);
        let part = |of| Part {
            of,
            at: 0,
            bit_field_bits: 0,
        };
        let compiled = self.part(&format!("{path}[]"), part(old), part(new));
        let steps = std::mem::replace(&mut self.steps, outer);
        compiled?;
        let (from, to) = (small(old_at / 8)?, small(new_at / 8)?);
        let (from_each, to_each) = (size(self.old, old)?, size(self.new, new)?);
        let count_of = small(count.into())?;
        if let [step] = steps.as_slice()
            && step.is_plain(from_each)
            && from_each == to_each
        {
            self.steps_left = left;
            let bytes = from_each.saturating_mul(count_of);
            return self.push(Step::Copy { from, to, bytes });
        }
        let used = left.saturating_sub(self.steps_left);
        self.steps_left = left
            .checked_sub(used.saturating_mul(count.into()))
            .ok_or_else(NoConversion::too_large)?;
        if !steps.is_empty() {
            self.steps.push(Step::Repeat {
                count: count_of,
                from: (from, from_each),
                to: (to, to_each),
                steps,
            });
        }
        Ok(())
    }

    /// What is neither a struct nor a union nor an array.
    fn scalar(&mut self, path: &str, old: Part, new: Part) -> Result<(), NoConversion> {
        let (was, is) = (self.old.resolve(old.of), self.new.resolve(new.of));
        let types = || (type_name(self.old, old.of), type_name(self.new, new.of));
        let changed = || {
            let ((was, is), at) = (types(), named(path));
            NoConversion::Changed { at, was, is }
        };
        let (was, is) = match (self.old.type_at(was), self.new.type_at(is)) {
            (Type::Ptr(_), Type::Ptr(_)) => {
                let bytes = u32::try_from(crate::btf::POINTER_BYTES).unwrap_or(8);
                return self.copy(old.at, new.at, bytes);
            }
            (Type::Float(was), Type::Float(is)) if was == is => {
                return self.copy(old.at, new.at, was);
            }
            (Type::Int(was), Type::Int(is)) if was == is && was.bits > 64 => {
                return self.copy(old.at, new.at, was.bytes);
            }
            (Type::Int(was), Type::Int(is)) => (number(was, old), number(is, new)),
            (Type::Enum(was), Type::Int(is)) => (names(was, old), number(is, new)),
            (Type::Int(was), Type::Enum(is)) => (number(was, old), names(is, new)),
            (Type::Enum(was), Type::Enum(is)) => {
                self.same_numbers(path, was, is)?;
                (names(was, old), names(is, new))
            }
            _ => return Err(changed()),
        };
        if was.truth != is.truth {
            return Err(changed());
        }
        if !is.holds(was) {
            let ((was, is), at) = (types(), named(path));
            return Err(NoConversion::Narrower { at, was, is });
        }
        self.push(Step::Number {
            from: was.place()?,
            to: is.place()?,
            signed: was.signed,
            add: was.integer && is.integer,
        })
    }

    /// A name that both have must stand for one number.
    fn same_numbers(
        &mut self,
        path: &str,
        old: Enumeration<'_>,
        new: Enumeration<'_>,
    ) -> Result<(), NoConversion> {
        let left = self
            .fields_left
            .checked_sub(old.values().len().saturating_add(new.values().len()));
        self.fields_left = left.ok_or_else(NoConversion::too_large)?;
        let new: std::collections::BTreeMap<&str, u64> = new.values().collect();
        for (name, was) in old.values() {
            match new.get(name) {
                Some(&is) if is != was => {
                    let (at, name) = (named(path), name.to_owned());
                    return Err(NoConversion::Renumbered { at, name, was, is });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn copy(&mut self, from: u64, to: u64, bytes: u32) -> Result<(), NoConversion> {
        self.push(Step::Copy {
            from: small(from / 8)?,
            to: small(to / 8)?,
            bytes: small(bytes.into())?,
        })
    }

    fn push(&mut self, step: Step) -> Result<(), NoConversion> {
        let left = self.steps_left.checked_sub(1);
        self.steps_left = left.ok_or_else(NoConversion::too_large)?;
        self.steps.push(step);
        Ok(())
    }
}

/// The members of a struct; those of anonymous structs in it stand beside its own, as in C.
fn members<'btf>(
    btf: &'btf Btf,
    composite: Composite<'btf>,
    base: u64,
    fields: &mut Vec<Field<'btf>>,
) {
    for member in composite.members() {
        if fields.len() > MIGRATED_FIELDS_MAX {
            return;
        }
        let at = base.saturating_add(member.bit_offset.into());
        match btf.type_at(btf.resolve(member.of)) {
            Type::Struct(inner) if member.name.is_empty() => members(btf, inner, at, fields),
            Type::Union(inner) if member.name.is_empty() && inner.members().len() == 0 => {}
            // What nobody can name is filling.
            kind if member.name.is_empty() && !matches!(kind, Type::Union(_)) => {}
            _ => fields.push(Field {
                name: member.name,
                part: Part {
                    of: member.of,
                    at,
                    bit_field_bits: member.bit_field_bits,
                },
            }),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    let name = if name.is_empty() { "(union)" } else { name };
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{name}")
}

fn named(path: &str) -> String {
    if path.is_empty() { "it" } else { path }.to_owned()
}

/// Places and sizes of values that a map can hold fit into 35 bits.
pub(super) fn small(number: u64) -> Result<usize, NoConversion> {
    const PLACE_MAX: u64 = u32::MAX as u64 * 8;
    let number = Some(number).filter(|number| *number <= PLACE_MAX);
    number
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(NoConversion::too_large)
}

fn size(btf: &Btf, of: TypeId) -> Result<usize, NoConversion> {
    small(btf.size_of(of).unwrap_or(0))
}
