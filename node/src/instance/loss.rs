//! What a generation's full rings refused: a number where the object counts it, never a false 0.
//! Used by the engine. What perf buffers refuse is counted by the reader.

use api::node::KernelLoss;

use crate::kernel::maps::LossMap;

/// How a generation tells what its rings refused.
pub(crate) enum GenerationLoss {
    /// It has no ring.
    NoRing,
    /// Its programs count, through `emit.bpf.h`.
    Counted(LossMap),
    /// It has rings and counts nothing.
    Uncounted,
}

impl GenerationLoss {
    /// Records refused until now.
    pub(crate) fn read(&self) -> KernelLoss {
        match self {
            Self::NoRing => KernelLoss::Known(0),
            Self::Counted(map) => map.sum().map_or(KernelLoss::Unknown, KernelLoss::Known),
            Self::Uncounted => KernelLoss::Unknown,
        }
    }
}

/// The sum of two losses: known only when both are.
pub(crate) fn plus(one: KernelLoss, other: KernelLoss) -> KernelLoss {
    match (one, other) {
        (KernelLoss::Known(one), KernelLoss::Known(other)) => KernelLoss::Known(one + other),
        _ => KernelLoss::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_loss_never_becomes_a_number() {
        assert_eq!(
            plus(KernelLoss::Known(2), KernelLoss::Known(3)),
            KernelLoss::Known(5)
        );
        assert_eq!(
            plus(KernelLoss::Known(2), KernelLoss::Unknown),
            KernelLoss::Unknown
        );
        assert_eq!(
            plus(KernelLoss::Unknown, KernelLoss::Known(3)),
            KernelLoss::Unknown
        );
    }
}
