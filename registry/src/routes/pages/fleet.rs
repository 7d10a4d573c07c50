//! `GET /`: the fleet. Who is there, what runs over time and by kernel, what moves, what is new.
//! Called by browsers. Must never read more rows than a page shows.

use std::collections::BTreeSet;

use axum::extract::State as Shared;
use axum::response::Response;
use payload::name::PayloadName;
use serde::Deserialize;

use super::html;
use super::viewer::Viewer;
use crate::db;
use crate::fleet::headcount::{Headcount, Release};
use crate::fleet::history::Sample;
use crate::page::{
    Address, Area, Course, FleetPage, Kernels, Link, Moves, PresenceCounts, Published, Section,
};
use crate::routes::page::Asked;
use crate::routes::path::named;
use crate::routes::refusal::Refusal;
use crate::routes::rollouts::brief;
use crate::state::State;

/// Releases that the matrix of kernels names.
const RELEASES_MAX: usize = 8;
/// Kernels that it names.
const KERNELS_MAX: usize = 12;
/// Rollouts that are shown.
const ROLLOUTS_MAX: usize = 10;
/// Releases that are shown.
const RECENT_MAX: u32 = 8;
/// Payloads that the course can be narrowed to.
const PAYLOADS_MAX: usize = 12;

/// How far back the course goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Span {
    Hour,
    #[default]
    Day,
    Week,
}

impl Span {
    const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    fn ms(self) -> u64 {
        match self {
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
            Self::Week => 7 * 86_400_000,
        }
    }
}

/// What of the course is shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    span: Span,
    payload: Option<String>,
}

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let payload = query.payload.filter(|payload| !payload.is_empty());
    let payload: Option<PayloadName> = payload.map(|name| named("payload", &name)).transpose()?;
    state.fleet.caught_up(&state.db).await;
    let now_ms = state.now_ms();
    let sums = state.fleet.sums(now_ms);
    let headcount = state.fleet.headcount(RELEASES_MAX, KERNELS_MAX);
    let payload = payload.as_ref().map(PayloadName::as_str);
    let from_ms = now_ms.saturating_sub(query.span.ms());
    let mut reader = state.db.reader().await?;
    let samples = db::history::since(&mut reader, from_ms, payload).await?;
    let recent = db::shelf::recent(&mut reader, RECENT_MAX).await?;
    drop(reader);
    let moving = state.fleet.moving();
    let shown = moving.iter().take(ROLLOUTS_MAX);
    let shown = shown.map(|one| Moves::of(brief(&state, one, now_ms)));
    html(&FleetPage {
        frame: viewer.frame(Section::Fleet),
        presence: PresenceCounts::of(&sums),
        sums,
        course: course(
            samples,
            &headcount,
            (query.span, payload),
            (from_ms, now_ms),
        ),
        rollouts: shown.collect(),
        more_rollouts: moving.len().saturating_sub(ROLLOUTS_MAX),
        recent: recent
            .into_iter()
            .map(|one| Published::of(one, now_ms))
            .collect(),
        kernels: Kernels::of(&headcount.kernels),
    })
}

/// What the fleet ran, up to this moment.
fn course(
    mut samples: Vec<Sample>,
    headcount: &Headcount,
    (span, payload): (Span, Option<&str>),
    (from_ms, now_ms): (u64, u64),
) -> Course {
    let is_meant = |release: &Release| payload.is_none_or(|payload| payload == release.0);
    let runs = headcount
        .runs
        .iter()
        .filter(|(release, _)| is_meant(release));
    samples.push(Sample {
        at_ms: now_ms,
        runs: runs
            .map(|(release, nodes)| (release.clone(), *nodes))
            .collect(),
    });
    // What nobody measured yet takes no place.
    let measured_ms = samples.first().map_or(from_ms, |first| first.at_ms);
    let from_ms = measured_ms.clamp(from_ms, now_ms);
    let area = Area::of(&samples, from_ms, now_ms);
    let spans = Span::ALL.map(|one| Link {
        href: address(one, payload),
        word: one.word().to_owned(),
        chosen: one == span,
    });
    let known: BTreeSet<&str> = headcount
        .runs
        .keys()
        .map(|(payload, _)| payload.as_str())
        .collect();
    // What was started by hand on a node may be called anything.
    let known = known
        .into_iter()
        .filter(|payload| payload.parse::<PayloadName>().is_ok());
    let mut shown: BTreeSet<&str> = known.take(PAYLOADS_MAX).collect();
    // Also one that nobody runs any more.
    shown.extend(payload);
    let all = std::iter::once(None).chain(shown.into_iter().map(Some));
    let payloads = all.map(|one| Link {
        href: address(span, one),
        word: one.unwrap_or("all payloads").to_owned(),
        chosen: one == payload,
    });
    let links = (spans.into(), payloads.collect());
    Course::of(area, links, (from_ms, now_ms), span.word())
}

/// The address of this page with another choice.
fn address(span: Span, payload: Option<&str>) -> String {
    let address = Address::to("/").with("span", span.word());
    address.with("payload", payload.unwrap_or_default()).text()
}
