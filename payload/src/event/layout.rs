//! A struct's BTF turned into a tree of values: what is where, and how it is shown. Called once for
//! each decoder. Must never accept a field outside of its struct, nor more fields than the limit.

mod show;

use std::collections::BTreeMap;

use super::DecoderError;
use super::rule::{Rule, tags};
use super::tree::{Field, Leaf, Show, ShowBytes, Span, Value};
use crate::btf::{Btf, Composite, Int, Kind, Member, Type, TypeId};
use crate::limits::{EVENT_BYTES_MAX, EVENT_FIELDS_MAX, IDENTIFIER_BYTES_MAX};

/// Where a value stands: what the recursion hands down.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// First bit, from the start of the record or array element.
    bits: u64,
    /// Width, if it is a bit field.
    field_bits: u32,
    /// The name that may tell how it is shown.
    name: &'a str,
    /// How it was declared to be shown.
    rule: Option<Rule>,
    /// It is the last thing in the record.
    last: bool,
}

/// Lays out the struct or union `id`.
pub(super) fn lay_out(btf: &Btf, id: TypeId) -> Result<Vec<Field>, DecoderError> {
    let resolved = btf.resolve(id);
    let (composite, last) = match btf.type_at(resolved) {
        Type::Struct(composite) => (composite, true),
        Type::Union(composite) => (composite, false),
        _ => {
            return Err(DecoderError::NotAStruct {
                id,
                kind: btf.kind(resolved),
            });
        }
    };
    let bytes = u64::from(composite.bytes);
    if bytes > EVENT_BYTES_MAX {
        return Err(DecoderError::TooLarge {
            bytes,
            max: EVENT_BYTES_MAX,
        });
    }
    let path = vec![btf.name(resolved).to_owned()];
    let mut layout = Layout {
        btf,
        tags: tags(btf),
        fields: 0,
        path,
    };
    layout.members(resolved, &composite, 0, last)
}

/// Lays out a type of any kind that stands alone: a map's key or value, a variable. `name` may tell
/// how it is shown.
pub(super) fn lay_out_type(btf: &Btf, id: TypeId, name: &str) -> Result<Value, DecoderError> {
    let mut layout = Layout {
        btf,
        tags: tags(btf),
        fields: 0,
        path: vec![name.to_owned()],
    };
    let bytes = layout.bytes(id)?;
    if bytes > EVENT_BYTES_MAX {
        return Err(DecoderError::TooLarge {
            bytes,
            max: EVENT_BYTES_MAX,
        });
    }
    let alone = Place {
        bits: 0,
        field_bits: 0,
        name,
        rule: None,
        last: false,
    };
    layout.value(id, alone)
}

struct Layout<'a> {
    btf: &'a Btf,
    tags: BTreeMap<(TypeId, usize), &'a str>,
    fields: usize,
    /// Names from the event down to where the layout is, for errors.
    path: Vec<String>,
}

impl Layout<'_> {
    fn path(&self) -> String {
        self.path.join(".")
    }

    /// The members of a struct or union that begins at bit `base`.
    fn members(
        &mut self,
        id: TypeId,
        composite: &Composite<'_>,
        base: u64,
        last: bool,
    ) -> Result<Vec<Field>, DecoderError> {
        let count = composite.members().len();
        let mut fields = Vec::with_capacity(count);
        for (number, member) in composite.members().enumerate() {
            self.fields += 1;
            if self.fields > EVENT_FIELDS_MAX {
                return Err(DecoderError::TooManyFields {
                    max: EVENT_FIELDS_MAX,
                });
            }
            self.enter(member.name)?;
            let place = Place {
                bits: base + u64::from(member.bit_offset),
                field_bits: member.bit_field_bits,
                name: member.name,
                rule: self.rule(id, number)?,
                last: last && number + 1 == count,
            };
            let value = self.value(member.of, place)?;
            self.check_inside(&member, base + u64::from(composite.bytes) * 8, place)?;
            self.path.pop();
            match value {
                // Members of an anonymous struct are named like those beside it, as in C.
                Value::Object(inner) if member.name.is_empty() => fields.extend(inner),
                _ if member.name.is_empty() => {
                    let kind = self.btf.kind(self.btf.resolve(member.of));
                    return Err(DecoderError::FieldUnnamed {
                        path: self.path(),
                        kind,
                    });
                }
                value => fields.push(Field {
                    name: member.name.to_owned(),
                    value,
                }),
            }
        }
        Ok(fields)
    }

    fn enter(&mut self, name: &str) -> Result<(), DecoderError> {
        if name.len() > IDENTIFIER_BYTES_MAX {
            let (path, max) = (self.path(), IDENTIFIER_BYTES_MAX);
            return Err(DecoderError::NameTooLong {
                path,
                bytes: name.len(),
                max,
            });
        }
        self.path.push(name.to_owned());
        Ok(())
    }

    fn rule(&self, id: TypeId, member: usize) -> Result<Option<Rule>, DecoderError> {
        let Some(&tag) = self.tags.get(&(id, member)) else {
            return Ok(None);
        };
        match Rule::named(tag) {
            Some(rule) => Ok(Some(rule)),
            None => Err(DecoderError::RuleUnknown {
                path: self.path(),
                tag: tag.to_owned(),
            }),
        }
    }

    fn check_inside(
        &self,
        member: &Member<'_>,
        struct_bits: u64,
        place: Place<'_>,
    ) -> Result<(), DecoderError> {
        let own_bits = if place.field_bits > 0 {
            u64::from(place.field_bits)
        } else if let Type::Int(int) = self.btf.type_at(self.btf.resolve(member.of)) {
            // An old bit field may be narrower than the bytes of its type.
            u64::from(int.bit_offset + int.bits)
        } else {
            self.bytes(member.of)?.saturating_mul(8)
        };
        let end_bits = place.bits.saturating_add(own_bits);
        if end_bits > struct_bits {
            return Err(DecoderError::FieldOutside {
                path: self.path(),
                end_bits,
                struct_bits,
            });
        }
        Ok(())
    }

    fn bytes(&self, id: TypeId) -> Result<u64, DecoderError> {
        self.btf
            .size_of(id)
            .ok_or_else(|| DecoderError::FieldWithoutSize {
                path: self.path(),
                id,
                kind: self.btf.kind(self.btf.resolve(id)),
            })
    }

    /// First byte of what must begin at one.
    fn byte(&self, place: Place<'_>) -> Result<u32, DecoderError> {
        match u32::try_from(place.bits / 8) {
            Ok(at) if place.bits.is_multiple_of(8) => Ok(at),
            _ => Err(DecoderError::FieldUnaligned {
                path: self.path(),
                bit_offset: place.bits,
            }),
        }
    }

    fn value(&mut self, id: TypeId, place: Place<'_>) -> Result<Value, DecoderError> {
        let id = self.btf.resolve(id);
        if place.field_bits > 0 {
            return self.bit_field(id, place);
        }
        let unfit = |rule: Rule, kind| {
            let (path, rule) = (self.path(), rule.name());
            DecoderError::RuleUnfit { path, rule, kind }
        };
        let by_rule = match place.rule {
            Some(rule) => show::declared(self.btf, id, rule).map_err(|kind| unfit(rule, kind))?,
            None => show::usual(self.btf, id, place.name),
        };
        if let Some(leaf) = by_rule {
            return Ok(Value::Leaf {
                at: self.byte(place)?,
                leaf,
            });
        }
        let leaf = match self.btf.type_at(id) {
            Type::Struct(composite) | Type::Union(composite) => {
                self.byte(place)?;
                let last = place.last && self.btf.kind(id) == Kind::Struct;
                return Ok(Value::Object(
                    self.members(id, &composite, place.bits, last)?,
                ));
            }
            Type::Array { element, count } => return self.array(element, count, place),
            Type::Int(int) => return self.integer(id, int, place),
            Type::Enum(of) if of.bytes == 0 => {
                let (path, kind) = (self.path(), self.btf.kind(id));
                return Err(DecoderError::FieldWithoutSize { path, id, kind });
            }
            Type::Enum(of) if place.rule == Some(Rule::Number) => Leaf::Integer {
                bytes: of.bytes,
                signed: of.signed,
            },
            Type::Enum(of) => Leaf::Enum {
                bytes: of.bytes,
                of: id,
            },
            Type::Float(bytes @ (4 | 8)) => Leaf::Float { bytes },
            // No BPF program can compute with these; their bytes are shown as they are.
            Type::Float(bytes) => Leaf::Bytes {
                span: Span { bytes, open: false },
                show: ShowBytes::Hex,
            },
            Type::Ptr(_) if place.rule == Some(Rule::Number) => Leaf::Integer {
                bytes: 8,
                signed: false,
            },
            Type::Ptr(_) => Leaf::Pointer { bytes: 8 },
            _ => {
                let kind = self.btf.kind(id);
                return Err(DecoderError::FieldWithoutSize {
                    path: self.path(),
                    id,
                    kind,
                });
            }
        };
        Ok(Value::Leaf {
            at: self.byte(place)?,
            leaf,
        })
    }

    fn array(
        &mut self,
        element: TypeId,
        count: u32,
        place: Place<'_>,
    ) -> Result<Value, DecoderError> {
        let at = self.byte(place)?;
        let flexible = place.last && count == 0;
        if let Some(show) = show::bytes(self.btf, element, place.rule, place.name) {
            let bytes = if flexible { u32::MAX } else { count };
            // Programs often send only the used part of a long text at the end of a struct.
            let open = flexible || (place.last && show != ShowBytes::Hex);
            let leaf = Leaf::Bytes {
                span: Span { bytes, open },
                show,
            };
            return Ok(Value::Leaf { at, leaf });
        }
        let stride = self.bytes(element)?;
        let too_large = |_| DecoderError::TooLarge {
            bytes: stride,
            max: EVENT_BYTES_MAX,
        };
        let stride = u32::try_from(stride).map_err(too_large)?;
        let inner = Place {
            bits: 0,
            last: false,
            ..place
        };
        let element = Box::new(self.value(element, inner)?);
        // A record has no number of elements without bytes.
        let count = if flexible && stride > 0 {
            None
        } else {
            Some(count)
        };
        Ok(Value::Array {
            at,
            count,
            stride,
            element,
        })
    }

    fn integer(&self, id: TypeId, int: Int, place: Place<'_>) -> Result<Value, DecoderError> {
        let whole = int.bit_offset == 0 && int.bits == int.bytes.saturating_mul(8);
        if !(whole && matches!(int.bytes, 1 | 2 | 4 | 8 | 16) && place.bits.is_multiple_of(8)) {
            let show = show::of_int(int);
            let first = place.bits + u64::from(int.bit_offset);
            return self.bits(first, int.bits, int.bits, show);
        }
        let leaf = if int.boolean {
            if int.bytes != 1 {
                return self.bits(place.bits, int.bits, int.bits, Show::Bool);
            }
            Leaf::Bool
        } else if show::is_character(self.btf, id, int) && place.rule.is_none() {
            show::CHARACTER
        } else {
            Leaf::Integer {
                bytes: int.bytes,
                signed: int.signed,
            }
        };
        Ok(Value::Leaf {
            at: self.byte(place)?,
            leaf,
        })
    }

    fn bit_field(&self, id: TypeId, place: Place<'_>) -> Result<Value, DecoderError> {
        if let Some(rule) = place.rule.filter(|&rule| rule != Rule::Number) {
            let (path, rule, kind) = (self.path(), rule.name(), self.btf.kind(id));
            return Err(DecoderError::RuleUnfit { path, rule, kind });
        }
        let (bits_max, show) = match self.btf.type_at(id) {
            Type::Int(int) => (int.bits, show::of_int(int)),
            Type::Enum(of) if place.rule == Some(Rule::Number) => (
                of.bytes * 8,
                if of.signed {
                    Show::Signed
                } else {
                    Show::Unsigned
                },
            ),
            Type::Enum(of) => (of.bytes * 8, Show::Enum(id)),
            _ => (0, Show::Unsigned),
        };
        self.bits(place.bits, place.field_bits, bits_max, show)
    }

    fn bits(&self, first: u64, bits: u32, max: u32, show: Show) -> Result<Value, DecoderError> {
        let shift = u32::try_from(first % 8).unwrap_or(0);
        // What is read at once is a u128.
        let max = max.min(128 - shift);
        let at = u32::try_from(first / 8);
        match at {
            Ok(at) if bits <= max => Ok(Value::Leaf {
                at,
                leaf: Leaf::Bits { shift, bits, show },
            }),
            _ => Err(DecoderError::BitFieldTooWide {
                path: self.path(),
                bits,
                max,
            }),
        }
    }
}
