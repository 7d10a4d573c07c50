//! Values of the options of a plan. Parsed by `cli`, used by `plan`.
//! Must never take a word for a number that was not typed.

use std::num::ParseIntError;
use std::str::FromStr;

use api::registry::Reach;
use thiserror::Error;

/// Turns a comparison off.
const OFF: &str = "off";

/// Text that is no such value: a wrong command line.
#[derive(Debug, Error)]
pub(crate) enum ValueError {
    /// Not one wave.
    #[error("{found:?} is no wave: it is a number of nodes, such as 5, or a part, such as 10%")]
    Wave { found: String },
    /// No wave's number.
    #[error("{found:?} is no wave's number: it is none, first, each, or numbers, such as 1,2")]
    Approval { found: String },
    /// No bound.
    #[error("{found:?} is no bound: it is a number, or {OFF}: {reason}")]
    Bound {
        found: String,
        reason: ParseIntError,
    },
}

/// `1,10%,50%,100%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waves(pub(crate) Vec<Reach>);

impl FromStr for Waves {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let reach = |part: &str| {
            let part = part.trim();
            let reach = match part.strip_suffix('%') {
                Some(percent) => percent.parse().map(Reach::Percent),
                None => part.parse().map(Reach::Nodes),
            };
            reach.map_err(|_| ValueError::Wave {
                found: part.to_owned(),
            })
        };
        text.split(',')
            .map(reach)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// `none`, `first`, `each`, `1,2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Approvals {
    /// Every wave's gate waits.
    Each,
    /// Those of these waves, from 1, do.
    Of(Vec<usize>),
}

impl FromStr for Approvals {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "each" => return Ok(Self::Each),
            "first" => return Ok(Self::Of(vec![1])),
            "none" => return Ok(Self::Of(Vec::new())),
            _ => {}
        }
        let number = |part: &str| {
            part.trim().parse().map_err(|_| ValueError::Approval {
                found: part.to_owned(),
            })
        };
        text.split(',')
            .map(number)
            .collect::<Result<_, _>>()
            .map(Self::Of)
    }
}

/// A number, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound(pub(crate) Option<u32>);

impl FromStr for Bound {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        bound(text, text).map(Self)
    }
}

/// `300%`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) Option<u32>);

impl FromStr for Percent {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        bound(text.strip_suffix('%').unwrap_or(text), text).map(Self)
    }
}

fn bound(number: &str, typed: &str) -> Result<Option<u32>, ValueError> {
    if typed == OFF {
        return Ok(None);
    }
    number
        .parse()
        .map(Some)
        .map_err(|reason| ValueError::Bound {
            found: typed.to_owned(),
            reason,
        })
}
