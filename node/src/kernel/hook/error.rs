//! Why a hook could not be served, in words that say what would be needed.

use super::super::libbpf_log;
use super::Hook;
use super::needs::needs;
use super::target::TargetError;

/// Why a hook could not be served. `log` holds libbpf's words where it said any.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    /// Nothing here attaches the kind.
    #[error("this node can't attach a {kind} program: {reason}")]
    Never {
        /// The kind's name.
        kind: &'static str,
        /// Who attaches such programs.
        reason: &'static str,
    },
    /// The target breaks the rule of its kind.
    #[error("a {kind} program: {source}")]
    Target {
        /// The kind's name.
        kind: &'static str,
        /// The rule.
        source: TargetError,
    },
    /// What the target names is not there.
    #[error("{hook}: there is no {what}")]
    Absent {
        /// The hook in words.
        hook: String,
        /// What was looked for.
        what: String,
    },
    /// This kernel can't have such a hook.
    #[error("{hook}: {needs}")]
    Kernel {
        /// The hook in words.
        hook: String,
        /// What would be needed.
        needs: String,
    },
    /// The switch does not load or lacks a part.
    #[error("the switch for {hook} does not load: {reason}{}", words(log))]
    Stub {
        /// The hook in words.
        hook: String,
        /// The kernel's reason.
        reason: String,
        /// What libbpf said.
        log: String,
    },
    /// The program array of the switch does not take the program.
    #[error(
        "the switch for {hook} does not take the program: {reason}{}",
        words(log)
    )]
    Lane {
        /// The hook in words.
        hook: String,
        /// The kernel's reason.
        reason: String,
        /// What libbpf said.
        log: String,
    },
    /// The kernel attaches nothing there.
    #[error("{hook} cannot be attached: {reason}{}", words(log))]
    Attach {
        /// The hook in words.
        hook: String,
        /// The kernel's reason, and what would be needed.
        reason: String,
        /// What libbpf said.
        log: String,
    },
}

fn words(log: &str) -> String {
    if log.trim().is_empty() {
        String::new()
    } else {
        format!(" ({})", log.trim())
    }
}

/// How the text of `EBUSY` ends.
const BUSY: &str = "(os error 16)";

/// The kernel's reason, with what would be needed where that is known.
fn reason(hook: &Hook, source: &dyn std::fmt::Display) -> String {
    let mut reason = source.to_string();
    if reason.ends_with(BUSY) {
        reason.push_str("; another program is attached there, which lets no second one in");
    }
    match needs(hook.variant(), &reason) {
        Some(needs) => format!("{reason}; {needs}"),
        None => reason,
    }
}

impl HookError {
    /// The switch does not load.
    pub(in super::super) fn stub(hook: &Hook, source: &dyn std::fmt::Display) -> Self {
        Self::Stub {
            hook: hook.to_string(),
            reason: reason(hook, source),
            log: String::new(),
        }
    }

    /// The program array does not take the program.
    pub(in super::super) fn lane(hook: &Hook, source: &libbpf_rs::Error) -> Self {
        Self::Lane {
            hook: hook.to_string(),
            reason: source.to_string(),
            log: String::new(),
        }
    }

    /// The kernel attaches nothing there.
    pub(in super::super) fn attach(hook: &Hook, source: &dyn std::fmt::Display) -> Self {
        Self::Attach {
            hook: hook.to_string(),
            reason: reason(hook, source),
            log: String::new(),
        }
    }

    /// What the target names is not there.
    pub(super) fn absent(hook: &Hook, what: String) -> Self {
        Self::Absent {
            hook: hook.to_string(),
            what,
        }
    }

    /// With what libbpf said meanwhile.
    pub(in super::super) fn with_log(mut self, caught: &str) -> Self {
        if let Self::Stub { log, .. } | Self::Lane { log, .. } | Self::Attach { log, .. } =
            &mut self
        {
            libbpf_log::verifier_words(caught).clone_into(log);
        }
        self
    }
}
