//! Names of BTF types as C would write them.
//! Called by the inspection for maps and globals, and by whoever shows types to people.
//! Must never recurse: a hostile BTF nests as deep as it has types.
use crate::btf::{Btf, Type, TypeId};
use crate::limits;

/// A type's name in C's words: `struct event`, `unsigned int`, `char[16]`, `struct task *`.
///
/// Qualifiers are left out. Types without a name show their kind only (`struct (anonymous)`), and
/// what nests deeper than [`limits::TYPE_NAME_DEPTH_MAX`] ends in `…`.
#[must_use]
pub fn type_name(btf: &Btf, mut id: TypeId) -> String {
    let mut suffix = String::new();
    for _ in 0..limits::TYPE_NAME_DEPTH_MAX {
        let name = btf.name(id);
        let name = if name.is_empty() { "(anonymous)" } else { name };
        let base = match btf.type_at(id) {
            Type::Void => "void".to_owned(),
            Type::Struct(_) | Type::Fwd { union: false } => format!("struct {name}"),
            Type::Union(_) | Type::Fwd { union: true } => format!("union {name}"),
            Type::Enum(_) => format!("enum {name}"),
            Type::Int(_) | Type::Float(_) | Type::Typedef(_) | Type::DataSec(_) => name.to_owned(),
            Type::Func { .. } | Type::FuncProto(_) => "function".to_owned(),
            Type::Ptr(to) => {
                suffix.insert(0, '*');
                id = to;
                continue;
            }
            Type::Array { element, count } => {
                // A pointer to an array needs brackets, an array of pointers does not.
                suffix = if suffix.starts_with('*') {
                    format!("({suffix})[{count}]")
                } else {
                    format!("{suffix}[{count}]")
                };
                id = element;
                continue;
            }
            Type::Const(to)
            | Type::Volatile(to)
            | Type::Restrict(to)
            | Type::TypeTag(to)
            | Type::Var { of: to, .. }
            | Type::DeclTag { of: to, .. } => {
                id = to;
                continue;
            }
        };
        let space = if suffix.starts_with(['*', '(']) {
            " "
        } else {
            ""
        };
        return format!("{base}{space}{suffix}");
    }
    format!("…{suffix}")
}
