//! The architectures an object can be for. Used by the manifest and by names of sections.
//! Must never hold a big-endian one: objects are little-endian (see `object`).

use std::fmt;
use std::str::FromStr;

use crate::by_text::serde_by_text;
use crate::name::Excerpt;

/// The architecture that an object is for. Ordered by name, as objects are in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit ARM.
    Aarch64,
    /// All of them: the object does not read the processor's registers.
    Any,
    /// 64-bit `LoongArch`.
    Loongarch64,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit x86.
    X86_64,
}

/// A name that stands for no known architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("architecture {found:?} is none of {}", Arch::NAMES)]
pub struct UnknownArch {
    /// What was given.
    pub found: Excerpt,
}

impl Arch {
    /// Every architecture, in order.
    pub const ALL: [Self; 5] = [
        Self::Aarch64,
        Self::Any,
        Self::Loongarch64,
        Self::Riscv64,
        Self::X86_64,
    ];

    /// All names, for errors.
    const NAMES: &str = "aarch64, any, loongarch64, riscv64, x86_64";

    /// The name, as `std::env::consts::ARCH` and `uname -m` have it; `any` for all of them.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
            Self::Any => "any",
            Self::Loongarch64 => "loongarch64",
            Self::Riscv64 => "riscv64",
            Self::X86_64 => "x86_64",
        }
    }

    /// The architecture that this program was compiled for, where an object can be for it.
    #[must_use]
    pub fn here() -> Option<Self> {
        std::env::consts::ARCH.parse().ok()
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Arch {
    type Err = UnknownArch;

    fn from_str(text: &str) -> Result<Self, UnknownArch> {
        Self::ALL
            .into_iter()
            .find(|arch| arch.as_str() == text)
            .ok_or_else(|| UnknownArch {
                found: Excerpt::of(text),
            })
    }
}

serde_by_text!(Arch);

#[cfg(test)]
mod tests {
    use super::Arch;

    #[test]
    fn architectures_are_ordered_by_name() {
        assert!(Arch::ALL.is_sorted());
        assert!(Arch::ALL.map(Arch::as_str).is_sorted());
        assert_eq!(Arch::ALL.map(Arch::as_str).join(", "), Arch::NAMES);
    }

    #[test]
    fn big_endian_is_no_architecture_of_a_payload() {
        assert!("s390x".parse::<Arch>().is_err());
        assert!("X86_64".parse::<Arch>().is_err());
    }
}
