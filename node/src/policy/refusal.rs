//! What the policy says when it says no: the rule by its name in the configuration, and both values.
//! Must never leave a person guessing which line to change.

use payload::object::Kind;

use super::HandlerRefusal;

/// Why the node's own policy refuses a payload, or what a deployment sets in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyError {
    /// A kind of program that may not run here.
    #[error(
        "program {program} is a {kind} program; policy.program_kinds allows {}",
        list(allowed)
    )]
    Kind {
        /// The program.
        program: String,
        /// Its kind.
        kind: Kind,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// A helper that may not be called here.
    #[error("it calls {function}, which policy.helpers_denied names")]
    HelperDenied {
        /// The helper or kernel function.
        function: String,
    },
    /// A helper that is not among those that may be called.
    #[error("it calls {function}; policy.helpers allows {}", list(allowed))]
    Helper {
        /// The helper or kernel function.
        function: String,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// A hook that nothing may attach to here.
    #[error(
        "program {program} attaches to {hook}; policy.hooks allows {}",
        list(allowed)
    )]
    Hook {
        /// The program.
        program: String,
        /// `KIND/TARGET`.
        hook: String,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// Maps that are too large.
    #[error("its maps take up to {bytes} bytes; policy.map_bytes_max is {bytes_max}")]
    MapBytes {
        /// What they take.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// A global that the publisher did not declare settable.
    #[error(
        "globals.{global}: the signed manifest does not declare it settable; it does so for {}",
        list(settable)
    )]
    GlobalNotDeclared {
        /// The global.
        global: String,
        /// What is declared.
        settable: Vec<String>,
    },
    /// A global that this node lets nobody set.
    #[error(
        "{full} may not be set here; policy.settable_globals allows {}",
        list(allowed)
    )]
    GlobalNotAllowed {
        /// `NAMESPACE/NAME:GLOBAL`.
        full: String,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// A target that the publisher did not declare settable.
    #[error(
        "targets.{program}: the signed manifest does not declare its target settable; it does so \
         for {}",
        list(settable)
    )]
    TargetNotDeclared {
        /// The program.
        program: String,
        /// What is declared.
        settable: Vec<String>,
    },
    /// A target that this node lets nobody set.
    #[error(
        "program {program} may not be attached to {hook} by a deployment; \
         policy.settable_targets allows {}",
        list(allowed)
    )]
    TargetNotAllowed {
        /// The program.
        program: String,
        /// `KIND/TARGET`.
        hook: String,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// What the handler is or asks for.
    #[error(transparent)]
    Handler(#[from] HandlerRefusal),
    /// A release that nobody signed.
    #[error(
        "the release is unsigned, and policy.unsigned is \"never\"; \"always\" would let it run"
    )]
    Unsigned,
}

impl PolicyError {
    /// The field of the release or deployment that is at fault.
    pub(crate) fn field(&self) -> String {
        match self {
            Self::Kind { program, .. } | Self::Hook { program, .. } => {
                format!("programs.{program}")
            }
            Self::HelperDenied { .. } | Self::Helper { .. } => "programs".to_owned(),
            Self::MapBytes { .. } => "maps".to_owned(),
            Self::GlobalNotDeclared { global, .. } => format!("globals.{global}"),
            Self::GlobalNotAllowed { full, .. } => {
                let global = full.rsplit_once(':').map_or("", |(_, global)| global);
                format!("globals.{global}")
            }
            Self::TargetNotDeclared { program, .. } | Self::TargetNotAllowed { program, .. } => {
                format!("targets.{program}")
            }
            Self::Handler(refusal) => refusal.field(),
            Self::Unsigned => "envelope".to_owned(),
        }
    }
}

/// Names beyond these are a number.
const SHOWN_MAX: usize = 16;

pub(super) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let shown = names
        .iter()
        .take(SHOWN_MAX)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().checked_sub(SHOWN_MAX) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
