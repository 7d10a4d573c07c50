//! The predecessor's protocol of 2023: `/task`, `/log`, `/pause`, `/resume`, in JSON.
//! Called by its clients, `ecli` among them.
//! Must never run less than was asked for: what can't be done is refused by name.

mod types;

use api::node::{Settings, Timing};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use payload::name::InstanceName;

use super::State;
use super::body;
use super::limits::LOG_ENTRIES_MAX;
use super::refusal::Refusal;
use crate::intake::Asked;
use types::{Entry, Log, ProgramType, Started, Task, TaskList, Tasked, Text};

/// The protocol's own form of an error.
#[derive(Debug)]
pub(super) struct Message {
    status: StatusCode,
    text: String,
}

impl Message {
    /// No instance has this id.
    pub(super) fn no_task(id: u64) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            text: format!("no task has id {id}"),
        }
    }
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        (
            self.status,
            Json(serde_json::json!({ "message": self.text })),
        )
            .into_response()
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        refusal.into_response()
    }
}

impl From<Message> for Response {
    fn from(message: Message) -> Self {
        message.into_response()
    }
}

/// `GET /task`.
pub(super) async fn list(Shared(state): Shared<State>) -> Json<TaskList> {
    Json(tasks(&state))
}

/// `POST /task`: starts or hot-updates, and answers when the program runs.
pub(super) async fn start(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Started>, Refusal> {
    let mut upload = body::upload(&state.parts.uploads, &headers, body).await?;
    let task: Task = body::json(&upload.bytes)?;
    let (name, program) = accepted(task)?;
    upload.bytes = program.into();
    let asked = Asked {
        name,
        settings: Settings::default(),
    };
    let applied = state.apply(asked, Timing::default(), &upload)?;
    Ok(Json(Started {
        id: applied.instance.id,
        task_list: tasks(&state),
    }))
}

/// `POST /log`: events from a cursor on.
pub(super) async fn log(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Entry>>, Response> {
    let asked: Log = body::control(&headers, body).await?;
    let name = state
        .parts
        .engine
        .name_of(asked.id)
        .ok_or_else(|| Message::no_task(asked.id))?;
    let hub = state
        .parts
        .engine
        .hub(&name)
        .ok_or_else(|| Message::no_task(asked.id))?;
    let count_max = asked
        .maximum_count
        .unwrap_or(LOG_ENTRIES_MAX)
        .min(LOG_ENTRIES_MAX);
    let page = hub.read(asked.cursor, count_max);
    let entry = |cursor: u64, at_ms: u64, log: String, log_type: &'static str| Entry {
        cursor,
        log: Text {
            log,
            timestamp: at_ms / 1000,
            log_type,
        },
    };
    let mut entries = Vec::with_capacity(page.lines.len() + 1);
    if page.lost > 0 {
        let first = page.lines.first().map_or(page.next, |line| line.seq);
        let text = format!("{} events are no longer kept", page.lost);
        let now_ms = (state.parts.now_ms)();
        entries.push(entry(first.saturating_sub(1), now_ms, text, "stderr"));
    }
    entries.extend(
        page.lines
            .into_iter()
            .map(|line| entry(line.seq, line.at_ms, line.text, "stdout")),
    );
    Ok(Json(entries))
}

/// `POST /pause`.
pub(super) async fn pause(
    shared: Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<&'static str>, Response> {
    set_paused(shared, headers, body, true)
        .await
        .map(|()| Json("paused"))
}

/// `POST /resume`.
pub(super) async fn resume(
    shared: Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<&'static str>, Response> {
    set_paused(shared, headers, body, false)
        .await
        .map(|()| Json("running"))
}

async fn set_paused(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
    paused: bool,
) -> Result<(), Response> {
    let asked: types::Id = body::control(&headers, body).await?;
    let name = state
        .parts
        .engine
        .name_of(asked.id)
        .ok_or_else(|| Message::no_task(asked.id))?;
    // Somebody else may have stopped it meanwhile.
    state
        .set_paused(&name, paused)
        .map_err(|_| Message::no_task(asked.id))?;
    Ok(())
}

fn tasks(state: &State) -> TaskList {
    TaskList {
        tasks: state
            .instances_by_id()
            .into_iter()
            .map(Tasked::from)
            .collect(),
    }
}

/// What is to run, and under which name.
///
/// # Errors
/// 422: a kind of program, or an option, that Marrow does not do, with the way round.
fn accepted(task: Task) -> Result<(Option<InstanceName>, Vec<u8>), Refusal> {
    match task.program_type {
        ProgramType::Json => {}
        ProgramType::Wasm => {
            return Err(Refusal::field(
                "program_type",
                "program_type is \"wasm\", Marrow runs \"json\": convert the BPF object inside it \
                 with `packer import`, or build the source with `packer build`",
            ));
        }
        ProgramType::Tar => {
            return Err(Refusal::field(
                "program_type",
                "program_type is \"tar\", Marrow runs \"json\": unpack it and send its \
                 package.json; the BTF archive is not needed where the kernel has BTF",
            ));
        }
    }
    for (field, is_set) in [
        (
            "extra_args",
            task.extra_args.is_some_and(|args| !args.is_empty()),
        ),
        (
            "btf_archive_path",
            task.btf_archive_path.is_some_and(|path| !path.is_empty()),
        ),
    ] {
        if is_set {
            let detail = format!("{field} is set, Marrow takes none: it would have no effect");
            return Err(Refusal::field(field, detail));
        }
    }
    let program = types::unpadded(&task.program_data_buf)
        .map_err(|reason| Refusal::field("program_data_buf", reason))?;
    let name = task
        .program_name
        .filter(|name| !name.is_empty())
        .map(|name| name.parse())
        .transpose()
        .map_err(|error: payload::name::NameError| {
            Refusal::field("program_name", error.to_string())
        })?;
    Ok((name, program))
}

#[cfg(test)]
mod tests;
