//! What in a map's values cannot be carried into another generation.
//! Called by the inspection for each map; the hand-over goes by it.
//! Must never visit a type twice: hostile BTF nests one struct a million times in a few bytes.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ObjectError;
use crate::btf::{Btf, Type, TypeId};
use crate::limits;

/// A part of a value that belongs to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Special {
    /// `bpf_timer`: runs code of the generation that armed it.
    Timer,
    /// `bpf_wq` or `bpf_task_work`: the same.
    WorkQueue,
    /// `bpf_spin_lock` or `bpf_res_spin_lock`.
    Lock,
    /// A pointer to a kernel object.
    KernelPointer,
    /// A pointer to a user's memory.
    UserPointer,
    /// `bpf_list_head` or `bpf_list_node`.
    List,
    /// `bpf_rb_root` or `bpf_rb_node`.
    Tree,
    /// `bpf_refcount`.
    ReferenceCount,
}

impl Special {
    fn of_struct(name: &str) -> Option<Self> {
        Some(match name {
            "bpf_timer" => Self::Timer,
            "bpf_wq" | "bpf_task_work" => Self::WorkQueue,
            "bpf_spin_lock" | "bpf_res_spin_lock" => Self::Lock,
            "bpf_list_head" | "bpf_list_node" => Self::List,
            "bpf_rb_root" | "bpf_rb_node" => Self::Tree,
            "bpf_refcount" => Self::ReferenceCount,
            _ => return None,
        })
    }

    fn of_tag(name: &str) -> Option<Self> {
        Some(match name {
            "kptr" | "kptr_untrusted" | "percpu_kptr" => Self::KernelPointer,
            "uptr" => Self::UserPointer,
            _ => return None,
        })
    }
}

/// Everything special that a value of this type holds, in it or in what is nested in it.
///
/// `steps` is what is left of the bound on types looked at.
pub(super) fn held(
    btf: &Btf,
    of: TypeId,
    steps: &mut usize,
) -> Result<BTreeSet<Special>, ObjectError> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([of]);
    let mut next = vec![of];
    while let Some(id) = next.pop() {
        *steps = steps.checked_sub(1).ok_or(ObjectError::TooMany {
            what: "types in map values",
            count: limits::MAP_VALUE_TYPES_MAX + 1,
            max: limits::MAP_VALUE_TYPES_MAX,
        })?;
        let mut visit = |id| {
            if seen.insert(id) {
                next.push(id);
            }
        };
        match btf.type_at(id) {
            Type::Struct(composite) | Type::Union(composite) => {
                found.extend(Special::of_struct(btf.name(id)));
                composite.members().for_each(|member| visit(member.of));
            }
            Type::DataSec(section) => section.variables().for_each(|variable| visit(variable.of)),
            Type::TypeTag(of) => {
                found.extend(Special::of_tag(btf.name(id)));
                visit(of);
            }
            // A tagged pointer is a pointer to a tagged type; what is behind an untagged pointer
            // is no part of the value.
            Type::Ptr(to) => {
                if let Type::TypeTag(_) = btf.type_at(to) {
                    found.extend(Special::of_tag(btf.name(to)));
                }
            }
            Type::Array { element: of, .. }
            | Type::Typedef(of)
            | Type::Const(of)
            | Type::Volatile(of)
            | Type::Restrict(of)
            | Type::Var { of, .. } => visit(of),
            Type::Void
            | Type::Int(_)
            | Type::Enum(_)
            | Type::Float(_)
            | Type::Fwd { .. }
            | Type::Func { .. }
            | Type::FuncProto(_)
            | Type::DeclTag { .. } => {}
        }
    }
    Ok(found)
}
