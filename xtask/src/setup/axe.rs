//! axe-core, pinned with its integrity, in `target/tools/axe`: the browser's tests run it on every
//! page. Called by `setup`. Must never run a script of a package, nor be shipped (it is MPL-2.0).

use std::path::PathBuf;

use anyhow::Result;

use crate::{output, run};

const VERSION: &str = "4.14.1";
/// As the registry of npm tells it; npm refuses other bytes.
const INTEGRITY: &str = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==";

fn folder() -> PathBuf {
    run::target().join("tools/axe")
}

/// Fetches it, unless this version is there.
///
/// # Errors
/// When npm fails, or what it gets is something else.
pub(super) fn install() -> Result<()> {
    let package = std::fs::read_to_string(folder().join("node_modules/axe-core/package.json"));
    if package.is_ok_and(|text| text.contains(&format!("\"version\": \"{VERSION}\""))) {
        return Ok(());
    }
    output::line(&format!(
        "setup: axe-core {VERSION} looks for what keeps people from using the pages"
    ));
    std::fs::create_dir_all(folder())?;
    let wanted = serde_json::json!({ "axe-core": VERSION });
    let package = serde_json::json!({ "private": true, "dependencies": wanted });
    let lock = serde_json::json!({
        "lockfileVersion": 3,
        "packages": {
            "": { "dependencies": wanted },
            "node_modules/axe-core": { "version": VERSION, "integrity": INTEGRITY },
        },
    });
    for (name, document) in [("package.json", package), ("package-lock.json", lock)] {
        run::write(&folder().join(name), document.to_string().as_bytes())?;
    }
    let mut npm = run::command("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    npm.args(["--loglevel", "error"]).current_dir(folder());
    run::shown(&mut npm)
}
