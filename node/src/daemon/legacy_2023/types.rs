//! The JSON of the 2023 protocol, exactly.
//! Used by its routes only.
//! Must never gain a key: the old clients refuse what they don't know.

use api::node::{Instance, InstanceState};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

/// Its clients leave the padding out; one that sends it is understood too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The body of `POST /task`.
#[derive(Debug, Deserialize)]
pub(super) struct Task {
    /// Base64 without padding.
    pub(super) program_data_buf: String,
    pub(super) program_type: ProgramType,
    pub(super) program_name: Option<String>,
    pub(super) btf_archive_path: Option<String>,
    pub(super) extra_args: Option<Vec<String>>,
}

/// What `program_data_buf` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProgramType {
    Json,
    Wasm,
    Tar,
}

/// The body of `/pause` and `/resume`.
#[derive(Debug, Deserialize)]
pub(super) struct Id {
    pub(super) id: u64,
}

/// The body of `POST /log`.
#[derive(Debug, Deserialize)]
pub(super) struct Log {
    pub(super) id: u64,
    #[serde(rename = "log_cursor")]
    pub(super) cursor: Option<u64>,
    pub(super) maximum_count: Option<usize>,
}

/// The answer to `GET /task`.
#[derive(Debug, Serialize)]
pub(in crate::daemon) struct TaskList {
    pub(super) tasks: Vec<Tasked>,
}

/// One running program. The order of the keys is the old server's.
#[derive(Debug, Serialize)]
pub(in crate::daemon) struct Tasked {
    status: &'static str,
    id: u64,
    name: String,
}

impl From<Instance> for Tasked {
    fn from(instance: Instance) -> Self {
        let status = match instance.state {
            InstanceState::Running => "running",
            InstanceState::Paused => "paused",
        };
        Self {
            status,
            id: instance.id,
            name: instance.name,
        }
    }
}

/// The answer to `POST /task`.
#[derive(Debug, Serialize)]
pub(in crate::daemon) struct Started {
    pub(super) id: u64,
    pub(super) task_list: TaskList,
}

/// One entry of the answer to `POST /log`.
#[derive(Debug, Serialize)]
pub(in crate::daemon) struct Entry {
    pub(super) cursor: u64,
    pub(super) log: Text,
}

/// What an entry says, and where it was printed.
#[derive(Debug, Serialize)]
pub(in crate::daemon) struct Text {
    pub(super) log: String,
    /// Seconds since 1970.
    pub(super) timestamp: u64,
    /// `stdout`, `stderr` or `plain`.
    pub(super) log_type: &'static str,
}

/// Base64, with its padding or without.
pub(super) fn unpadded(text: &str) -> Result<Vec<u8>, String> {
    BASE64
        .decode(text)
        .map_err(|error| format!("not base64 of the standard alphabet: {error}"))
}
