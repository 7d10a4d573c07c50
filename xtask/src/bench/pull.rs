//! `bench pull`: blobs of 64 KiB over 16 connections, from the registry, from Debian's
//! docker-registry and from nginx with sendfile, in turn in one run. Called by `bench`.
//! Must never load anything but servers that it started, on loopback, for a bounded time.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::rival::{Distribution, Nginx};
use super::table::{Table, median};
use crate::daemon::{Folder, Registry};
use crate::{output, run};

const BLOB_BYTES: usize = 64 << 10;
const CONNECTIONS: &str = "16";
/// Each server is loaded this often, in turn, so that a slower minute of the machine meets all.
const ROUNDS: usize = 5;
const ROUND_SECONDS: &str = "4";
/// The bounds of the issue that asked for this bench.
const RATIO_MIN: f64 = 20.0;
const NGINX_RATIO_MIN: f64 = 0.3;

/// A server and what to ask it for.
struct Target {
    url: String,
    /// Sent with every request.
    header: Option<String>,
    mb_per_s: Vec<f64>,
}

/// Puts one blob into each of the three and loads them in turn.
///
/// # Errors
/// When one does not start, or answers anything but the blob.
pub(super) fn measure() -> Result<Table> {
    let folder = Folder::new("bench")?;
    let blob = folder.path().join("blob");
    make_blob(&blob)?;
    let digest = digest_of(&blob)?;
    let registry = Registry::start(folder.path())?;
    let token = registry.token()?;
    let blob_url = format!("{}/api/v1/blobs/{digest}", registry.url);
    put(&blob_url, &token, &blob)?;
    let distribution = Distribution::start(folder.path(), &blob, &digest)?;
    let nginx = Nginx::start(folder.path(), &blob)?;
    let target = |url: &str, header| Target {
        url: url.to_owned(),
        header,
        mb_per_s: Vec::with_capacity(ROUNDS),
    };
    let mut targets = [
        target(&blob_url, Some(format!("Authorization: Bearer {token}"))),
        target(&distribution.url, None),
        target(&nginx.url, None),
    ];
    for round in 0..ROUNDS {
        for target in &mut targets {
            let mb_per_s = load(target)?;
            output::line(&format!(
                "round {}: {:>8.1} MB/s  {}",
                round + 1,
                mb_per_s,
                target.url
            ));
            target.mb_per_s.push(mb_per_s);
        }
    }
    registry.stop()?;
    drop(distribution);
    nginx.stop()?;
    Ok(table(&targets))
}

fn table([ours, distribution, nginx]: &[Target; 3]) -> Table {
    let mut table = Table::default();
    let of = |target: &Target| median(target.mb_per_s.clone());
    let spread = |target: &Target| {
        let low = target.mb_per_s.iter().copied().fold(f64::NAN, f64::min);
        let high = target.mb_per_s.iter().copied().fold(f64::NAN, f64::max);
        format!("{ROUNDS} rounds, {low:.0} to {high:.0}")
    };
    let (ours_mb, distribution_mb, nginx_mb) = (of(ours), of(distribution), of(nginx));
    let meaning = format!("the registry: {}", spread(ours));
    table.row("blob_mb_per_s", ours_mb, meaning);
    let meaning = format!("Debian's docker-registry: {}", spread(distribution));
    table.row("distribution_mb_per_s", distribution_mb, meaning);
    let meaning = format!("nginx, the same file by sendfile: {}", spread(nginx));
    table.row("nginx_mb_per_s", nginx_mb, meaning);
    let (ratio, nginx_ratio) = (ours_mb / distribution_mb, ours_mb / nginx_mb);
    table.row("ratio", ratio, "blob / distribution");
    table.row("nginx_ratio", nginx_ratio, "blob / nginx");
    table.at_least("ratio", ratio, RATIO_MIN);
    table.at_least("nginx_ratio", nginx_ratio, NGINX_RATIO_MIN);
    table
}

/// Bytes that do not compress, the same in every run.
fn make_blob(file: &Path) -> Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = std::iter::repeat_with(|| {
        // xorshift64, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    });
    let bytes: Vec<u8> = next.flat_map(u64::to_le_bytes).take(BLOB_BYTES).collect();
    run::write(file, &bytes)
}

fn digest_of(file: &Path) -> Result<String> {
    let printed = run::captured(run::command("sha256sum").arg(file))?;
    let (hex, _) = printed
        .split_once(' ')
        .context("sha256sum prints a digest first")?;
    Ok(format!("sha256:{hex}"))
}

fn put(url: &str, token: &str, file: &Path) -> Result<()> {
    let mut curl = run::command("curl");
    curl.args([
        "-sS",
        "--fail-with-body",
        "-H",
        "Content-Type: application/wasm",
    ]);
    curl.arg("-H").arg(format!("Authorization: Bearer {token}"));
    run::captured(curl.arg("-T").arg(file).arg(url)).map(drop)
}

/// One round of `wrk`; millions of bytes of blobs a second.
fn load(target: &Target) -> Result<f64> {
    let mut wrk = run::command("wrk");
    wrk.args(["-t", "1", "-c", CONNECTIONS, "-d", ROUND_SECONDS]);
    if let Some(header) = &target.header {
        wrk.arg("-H").arg(header);
    }
    let printed = run::captured(wrk.arg(&target.url))?;
    ensure!(
        !printed.contains("Non-2xx") && !printed.contains("Socket errors"),
        "{} was not served well:\n{printed}",
        target.url
    );
    let per_s: f64 = printed
        .lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"))
        .context("wrk prints requests a second")?
        .trim()
        .parse()?;
    #[expect(clippy::cast_precision_loss, reason = "64 KiB is exact")]
    Ok(per_s * BLOB_BYTES as f64 / 1e6)
}
