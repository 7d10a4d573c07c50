//! Pictures of the main pages, kept where `MARROW_SCREENSHOTS` says (`cargo xtask screenshots`), and
//! taken all the same where it says nothing: light, dark, and as wide as a small phone.

use super::every_page::{NARROW_PX, PAGES};
use super::site::{BOOKWORM, BULLSEYE, Site};
use super::tab::Scheme;
use crate::registry_packer::fleet::Part;

/// What a picture may weigh: people load them with the README.
const BYTES_MAX: u64 = 150_000;
/// Nodes in the pictures, and the one that refuses the release.
const NODES: usize = 24;
const REFUSES: usize = 7;
const WIDE_PX: u32 = 1120;
/// Each way to look, with the end of the file's name.
const LOOKS: [(u32, Scheme, &str); 3] = [
    (WIDE_PX, Scheme::Light, ""),
    (WIDE_PX, Scheme::Dark, "-dark"),
    (NARROW_PX, Scheme::Light, "-narrow"),
];

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
    let here = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("MARROW_SCREENSHOTS");
    let folder = folder.map_or_else(|| here.path().to_owned(), Into::into);
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
