//! What is set in a payload as it starts, and how long it is watched: arguments of several commands.
//! Must never hold logic.

use api::node::{BAKE_DEFAULT_MS, BAKE_MAX_MS, Settings};

/// What is set in a payload as it starts.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SettingArgs {
    /// Where a program attaches, in place of its section's target: `eth0`, `eth0,mode=generic`,
    /// `/usr/bin/bash:readline,pid=42`, `cycles,hz=19`. A payload must declare that it may be set.
    /// May be repeated.
    #[arg(long = "target", value_name = "PROGRAM=TARGET", value_parser = super::pair)]
    targets: Vec<(String, String)>,
    /// The value of a global variable; a payload must declare that it may be set. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = super::pair)]
    globals: Vec<(String, String)>,
}

impl SettingArgs {
    /// As the API has them; of one name the last counts.
    pub(in crate::cli) fn settings(self) -> Settings {
        Settings {
            globals: self.globals.into_iter().collect(),
            targets: self.targets.into_iter().collect(),
        }
    }
}

/// How long a new generation is watched.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct BakeArgs {
    /// Seconds in which the generation before stays loaded and is gone back to by itself where the
    /// new one fails; 0 lets go of it at once. [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=BAKE_MAX_MS / 1000))]
    bake: Option<u64>,
}

impl BakeArgs {
    /// In milliseconds, where it was said.
    pub(in crate::cli) fn said_ms(self) -> Option<u64> {
        self.bake.map(|seconds| seconds * 1000)
    }

    /// In milliseconds.
    pub(in crate::cli) fn ms(self) -> u64 {
        self.said_ms().unwrap_or(BAKE_DEFAULT_MS)
    }
}
