//! What a generation's full rings refused: a number where the object counts it, never a false 0.
//! Used by the engine. What perf buffers refuse is counted by the reader.

use api::node::Measured;

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
    pub(crate) fn read(&self) -> Measured {
        match self {
            Self::NoRing => Measured::Known(0),
            Self::Counted(map) => map.sum().map_or(Measured::Unknown, Measured::Known),
            Self::Uncounted => Measured::Unknown,
        }
    }
}

/// The sum of two losses: known only when both are.
pub(crate) fn plus(one: Measured, other: Measured) -> Measured {
    match (one, other) {
        (Measured::Known(one), Measured::Known(other)) => Measured::Known(one + other),
        _ => Measured::Unknown,
    }
}

/// What was lost since: known only when both are.
pub(crate) fn minus(now: Measured, before: Measured) -> Measured {
    match (now, before) {
        (Measured::Known(now), Measured::Known(before)) => {
            Measured::Known(now.saturating_sub(before))
        }
        _ => Measured::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_loss_never_becomes_a_number() {
        assert_eq!(
            plus(Measured::Known(2), Measured::Known(3)),
            Measured::Known(5)
        );
        assert_eq!(
            plus(Measured::Known(2), Measured::Unknown),
            Measured::Unknown
        );
        assert_eq!(
            plus(Measured::Unknown, Measured::Known(3)),
            Measured::Unknown
        );
        let (two, three) = (Measured::Known(2), Measured::Known(3));
        assert_eq!(minus(three, two), Measured::Known(1));
        assert_eq!(minus(Measured::Unknown, two), Measured::Unknown);
        assert_eq!(minus(three, Measured::Unknown), Measured::Unknown);
    }
}
