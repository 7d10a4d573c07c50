//! axe-core (npm, MPL-2.0): what keeps people from using a page. `cargo xtask setup` fetches it.
//! Called by the tests. Must never leave a rule out.

use std::path::PathBuf;

use super::tab::Tab;

/// Where setup puts it, below the folder of build results.
const FILE: &str = "tools/axe/node_modules/axe-core/axe.min.js";
/// Each violation as a line: the rule, what it wants, where.
const RUN: &str = "axe.run({ resultTypes: ['violations'], preload: false }).then((ran) =>
    ran.violations.flatMap((rule) => rule.nodes.map((node) =>
        `${rule.id}: ${rule.help}: ${node.target.join(' ')}: ${node.html}: ${node.failureSummary}`)))";

/// The script.
///
/// # Errors
/// It is not here.
pub(crate) fn script() -> Result<String, String> {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).map(PathBuf::from);
    let file = target.unwrap_or_default().join(FILE);
    let missing = |_| format!("{} is missing: cargo xtask setup", file.display());
    std::fs::read_to_string(&file).map_err(missing)
}

/// What it finds on the page as it is shown.
#[track_caller]
pub(crate) fn violations(tab: &mut Tab, script: &str) -> Vec<String> {
    tab.ask(&format!("{script}; true"));
    serde_json::from_value(tab.ask(RUN)).unwrap()
}
