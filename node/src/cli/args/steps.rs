//! Arguments of the commands between two generations: stage, flip. Must never hold logic.

use std::time::{Duration, UNIX_EPOCH};

use payload::name::InstanceName;

use super::setting::{BakeArgs, SettingArgs};

const STAGE_EXAMPLES: &str = "\
Examples:
  node stage execsnoop.wasm                   loaded and verified, beside what runs
  node flip execsnoop                         and now it takes over
  node stage execsnoop.wasm --at +30          it takes over in half a minute
  node stage execsnoop.wasm --at 2026-12-01T03:00:00Z --bake 600";

/// Arguments of `node stage`.
#[derive(Debug, clap::Args)]
#[command(after_help = STAGE_EXAMPLES)]
pub(crate) struct StageArgs {
    /// A payload, a BPF object or legacy JSON; `-` for standard input.
    #[arg(value_name = "FILE|-")]
    pub(in crate::cli) file: String,
    /// Name of the instance, which runs; else the one that the file asks for.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) instance: Option<InstanceName>,
    /// What is set in it.
    #[command(flatten)]
    pub(in crate::cli) settings: SettingArgs,
    /// How long it is watched once it has taken over.
    #[command(flatten)]
    pub(in crate::cli) bake: BakeArgs,
    /// When it takes over, by this machine's clock: RFC 3339 in UTC, or so many seconds from now.
    #[arg(long, value_name = "TIME|+SECONDS")]
    pub(in crate::cli) at: Option<At>,
}

/// Arguments of `node flip`.
#[derive(Debug, clap::Args)]
pub(crate) struct FlipArgs {
    /// Name of the instance.
    pub(in crate::cli) instance: String,
    /// When, in place of now: RFC 3339 in UTC, or so many seconds from now.
    #[arg(long, value_name = "TIME|+SECONDS")]
    pub(in crate::cli) at: Option<At>,
}

/// A time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum At {
    /// Milliseconds since 1970.
    Ms(u64),
    /// Milliseconds from now.
    InMs(u64),
}

impl At {
    /// Milliseconds since 1970.
    pub(in crate::cli) fn ms(self, now_ms: u64) -> u64 {
        match self {
            Self::Ms(at_ms) => at_ms,
            Self::InMs(in_ms) => now_ms.saturating_add(in_ms),
        }
    }
}

impl std::str::FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let whole = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if let Some(seconds) = text.strip_prefix('+') {
            let seconds: Option<f64> = seconds.parse().ok();
            let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            return time
                .map(|time| Self::InMs(whole(time)))
                .ok_or_else(|| format!("{text:?} is not a plus and a number of seconds"));
        }
        let time = humantime::parse_rfc3339(text).ok();
        let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        since
            .map(|since| Self::Ms(whole(since)))
            .ok_or_else(|| format!("{text:?} is neither like 2026-12-01T03:00:00Z nor like +30"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_of_a_clock_or_from_now() {
        let at = |text: &str| text.parse::<At>();
        assert_eq!(at("+1.5"), Ok(At::InMs(1500)));
        assert_eq!(at("1970-01-01T00:00:02Z"), Ok(At::Ms(2000)));
        for wrong in [
            "",
            "+",
            "+x",
            "+-1",
            "-1",
            "12",
            "1969-01-01T00:00:00Z",
            "2026-12-01",
        ] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
        assert_eq!(At::InMs(500).ms(1000), 1500);
        assert_eq!(At::Ms(500).ms(1000), 500);
    }
}
