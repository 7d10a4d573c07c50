//! What a type, its field's name and a declared rule make of a value. Called by the layout for each
//! field. Must never look at offsets: where a value stands does not change how it is shown.

use crate::btf::{Btf, Int, Kind, Type, TypeId};
use crate::event::rule::{Rule, names_address, names_text};
use crate::event::tree::{Leaf, Show, ShowBytes, Span};

/// A single `char`.
pub(super) const CHARACTER: Leaf = Leaf::Bytes {
    span: Span {
        bytes: 1,
        open: false,
    },
    show: ShowBytes::Text,
};

/// What a declared rule makes of a type; none where the type decides, or an array's elements in
/// their turn. The error is the kind that the rule cannot be applied to.
pub(super) fn declared(btf: &Btf, id: TypeId, rule: Rule) -> Result<Option<Leaf>, Kind> {
    let bytes = btf.size_of(id).and_then(|bytes| u32::try_from(bytes).ok());
    let kind = btf.kind(id);
    match (rule, kind, bytes) {
        (Rule::Ipv4, _, Some(4)) => Ok(Some(Leaf::Ipv4)),
        (Rule::Ipv6, _, Some(16)) => Ok(Some(Leaf::Ipv6)),
        (Rule::Hex, Kind::Int, Some(bytes @ (1 | 2 | 4 | 8))) => Ok(Some(Leaf::Pointer { bytes })),
        (Rule::Text, Kind::Int, Some(1)) => Ok(Some(CHARACTER)),
        (_, Kind::Array, _)
        | (Rule::Hex, Kind::Ptr, _)
        | (Rule::Number, Kind::Int | Kind::Ptr | Kind::Enum | Kind::Enum64, _) => Ok(None),
        _ => Err(kind),
    }
}

/// What a usual name makes of a type; none where the type decides.
pub(super) fn usual(btf: &Btf, id: TypeId, name: &str) -> Option<Leaf> {
    let leaf = match btf.size_of(id) {
        Some(4) => Leaf::Ipv4,
        Some(16) => Leaf::Ipv6,
        _ => return None,
    };
    is_address(btf, id, name).then_some(leaf)
}

/// Whether 4 or 16 bytes are an IP address: the kernel's two structs, or an unsigned integer or an
/// array of them that is called like one.
fn is_address(btf: &Btf, id: TypeId, name: &str) -> bool {
    let unsigned = |id| match btf.type_at(btf.resolve(id)) {
        Type::Int(int) => !int.signed && !int.boolean && int.bits == int.bytes.saturating_mul(8),
        _ => false,
    };
    match btf.type_at(id) {
        Type::Struct(of) => matches!((btf.name(id), of.bytes), ("in_addr", 4) | ("in6_addr", 16)),
        Type::Int(_) => names_address(name) && unsigned(id),
        Type::Array { element, .. } => names_address(name) && unsigned(element),
        _ => false,
    }
}

/// How an array of these elements is shown, if it is shown as bytes.
pub(super) fn bytes(
    btf: &Btf,
    element: TypeId,
    rule: Option<Rule>,
    name: &str,
) -> Option<ShowBytes> {
    let element = btf.resolve(element);
    let Type::Int(int) = btf.type_at(element) else {
        return None;
    };
    if int.bytes != 1 || int.bits != 8 {
        return None;
    }
    match rule {
        Some(Rule::Text) => Some(ShowBytes::Text),
        Some(Rule::Words) => Some(ShowBytes::Words),
        Some(Rule::Ipv4 | Rule::Ipv6 | Rule::Number) => None,
        None if is_character(btf, element, int) => Some(ShowBytes::Text),
        None if int.signed || int.boolean => None,
        None if names_text(name) => Some(ShowBytes::Text),
        Some(Rule::Hex) | None => Some(ShowBytes::Hex),
    }
}

/// clang writes `char` like any signed byte; only the name tells.
pub(super) fn is_character(btf: &Btf, id: TypeId, int: Int) -> bool {
    int.bytes == 1 && int.bits == 8 && (int.character || btf.name(id) == "char")
}

/// How an integer's bits are shown.
pub(super) fn of_int(int: Int) -> Show {
    match (int.boolean, int.signed) {
        (true, _) => Show::Bool,
        (false, true) => Show::Signed,
        (false, false) => Show::Unsigned,
    }
}
