//! Pictures of the main pages, kept where `MARROW_SCREENSHOTS` says (`cargo xtask screenshots`), and
//! taken all the same where it says nothing: light, dark, and as wide as a small phone.
//! Must never be larger than people load with the README.

use std::path::PathBuf;
use std::time::Duration;

use super::every_page::NARROW_PX;
use super::site::{BOOKWORM, BULLSEYE, Site};
use super::tab::Scheme;
use crate::registry_packer::fleet::Part;

/// What a picture may weigh.
const BYTES_MAX: u64 = 150_000;
const WIDE_PX: u32 = 1120;
/// Each way to look, with the end of the file's name.
const LOOKS: [(u32, Scheme, &str); 3] = [
    (WIDE_PX, Scheme::Light, ""),
    (WIDE_PX, Scheme::Dark, "-dark"),
    (NARROW_PX, Scheme::Light, "-narrow"),
];
const PAGES: [(&str, &str); 6] = [
    ("fleet", "/?span=hour"),
    ("version", "/payloads/acme/exec/versions/1.2.0"),
    ("new-rollout", "/rollouts/new?deployment=exec"),
    ("rollout", "/rollouts/1"),
    ("preflight", "/rollouts/1/preflight"),
    ("node", "/nodes/n0"),
];
/// How long it may take until the fleet was counted twice, and how that is seen.
const COUNTED: Duration = Duration::from_mins(3);
const DRAWN: &str = "document.querySelector('.picture .band') !== null";
/// Nodes in the pictures, and the one that refuses the release.
const NODES: usize = 24;
const REFUSES: usize = 7;
/// What a version may not do unseen: it writes into memory of processes (`bpf_probe_write_user`).
const BOLD: &str = "((long (*)(void *, const void *, __u32))36)(ctx, ctx, 1);";

#[test]
fn every_page_has_its_picture() {
    let parts: Vec<(Part, &str)> = (0..NODES)
        .map(|number| match number {
            REFUSES => (Part::Rejects, BULLSEYE),
            _ if number % 4 == 3 => (Part::Good, BULLSEYE),
            _ => (Part::Good, BOOKWORM),
        })
        .collect();
    let Some(mut site) = Site::new(&parts) else {
        return;
    };
    site.waits_at_its_gate(&["--waves", "3,50%,100%"]);
    site.stage.payload("1.2.0", BOLD);
    let publish = ["publish", "exec", "--key", "acme.key"];
    site.stage.run(&publish).done();
    let here = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("MARROW_SCREENSHOTS").map(PathBuf::from);
    if kept.is_some() {
        // The fleet is counted each minute, and drawn from then on.
        site.tab.go("/");
        site.tab.until_within(COUNTED, "the fleet is drawn", DRAWN);
    }
    let folder = kept.unwrap_or_else(|| here.path().to_owned());
    let mut heavy = Vec::new();
    for (width_px, scheme, end) in LOOKS {
        site.tab.look(width_px, scheme);
        for (name, path) in PAGES {
            site.tab.go(path);
            let file = folder.join(format!("{name}{end}.png"));
            site.tab.picture(&file);
            let bytes = std::fs::metadata(&file).unwrap().len();
            if bytes > BYTES_MAX {
                heavy.push(format!("{} has {bytes} bytes", file.display()));
            }
        }
    }
    assert!(heavy.is_empty(), "{heavy:#?}");
}
