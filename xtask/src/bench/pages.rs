//! `bench pages`: how long the registry, as it is shipped, takes for each page when it has thousands
//! of nodes, a thousand releases and a hundred rollouts; beside a bare server in the same run.
//! Called by `bench`. Must never load anything but servers that it started, on loopback, for a
//! bounded time.

mod seed;
mod visitor;

use anyhow::Result;

use super::fleet::load::Floor;
use super::table::{Table, median, percentile_99};
use crate::daemon::{Folder, Registry};
use crate::output;
use seed::Seeded;
use visitor::Visitor;

/// Each page by its name and its address; `ROLLOUT` stands for the number of the active one.
const PAGES: [(&str, &str); 14] = [
    ("fleet", "/"),
    ("payloads", "/payloads"),
    ("payload", "/payloads/marrow/fleet"),
    ("version", "/payloads/marrow/fleet/versions/1.0.5"),
    ("deployments", "/deployments"),
    ("deployment", "/deployments/fleet"),
    ("rollouts", "/rollouts"),
    ("new_rollout", "/rollouts/new?deployment=fleet"),
    ("rollout", "/rollouts/ROLLOUT"),
    ("preflight", "/rollouts/ROLLOUT/preflight"),
    ("nodes", "/nodes"),
    ("node", "/nodes/node-00042"),
    ("audit", "/audit"),
    ("access", "/access"),
];
/// Requests that are not counted: the first ones fill caches, as those of any day do.
const WARM: usize = 5;
/// Requests of a page that are.
const ASKED: usize = 100;
/// The bound of the issue that asked for this bench.
const PAGE_MS_P50_MAX: f64 = 50.0;
/// What the bare server is asked for: a few hundred bytes that it has at hand.
const BARE: &str = "/api/v1/nodes/node/desired";

/// Fills a registry and asks for its pages, one request at a time.
///
/// # Errors
/// When a program does not start, a node is refused something, or a page is not shown.
pub(super) fn measure(nodes: usize) -> Result<Table> {
    let folder = Folder::new("bench")?;
    let registry = Registry::start(folder.path())?;
    let floor = Floor::start(folder.path(), "1.0.0")?;
    let seeded = Seeded::new(&registry, &folder, nodes)?;
    let mut visitor = Visitor::log_in(&registry.url, &registry.token()?)?;
    let mut table = Table::default();
    seeded.rows(&mut table);
    let mut row = |visitor: &mut Visitor, name: &str, path: &str| {
        let (ms, bytes) = asked(visitor, path)?;
        let p50 = median(ms.clone());
        let meaning = format!("{path}, {bytes} bytes, {ASKED} requests");
        table.row(format!("{name}_page_ms_p50"), p50, meaning);
        table.row(format!("{name}_page_ms_p99"), percentile_99(ms), "");
        anyhow::Ok((format!("{name}_page_ms_p50"), p50))
    };
    row(&mut Visitor::connect(&floor.url)?, "floor", BARE)?;
    let mut bounded = Vec::new();
    for (name, path) in PAGES {
        let path = path.replace("ROLLOUT", &seeded.active.to_string());
        bounded.push(row(&mut visitor, name, &path)?);
    }
    for (field, p50) in bounded {
        table.at_most(&field, p50, PAGE_MS_P50_MAX);
    }
    seeded.stop()?;
    floor.stop()?;
    registry.stop()?;
    Ok(table)
}

/// What each of the counted requests took, and how long the last answer was.
fn asked(visitor: &mut Visitor, path: &str) -> Result<(Vec<f64>, usize)> {
    output::line(&format!("{} requests of {path}", WARM + ASKED));
    let (mut ms, mut bytes) = (Vec::with_capacity(ASKED), 0);
    for number in 0..WARM + ASKED {
        let answer = visitor.get(path)?;
        if number >= WARM {
            ms.push(answer.ms);
        }
        bytes = answer.body.len();
    }
    Ok((ms, bytes))
}
