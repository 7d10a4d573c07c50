//! What of that which happens to a page is wrong, though it may look well. Called by `tab`.
//! Must never forgive a warning.

use serde_json::Value;

/// What of an event is a fault.
pub(super) fn fault(method: &str, params: &Value, own: &str) -> Option<String> {
    let said = || format!("{method}: {params}");
    let is_bad = match method {
        "Runtime.exceptionThrown" | "Audits.issueAdded" | "Inspector.targetCrashed" => true,
        "Runtime.consoleAPICalled" => {
            ["error", "warning", "assert"].contains(&params["type"].as_str()?)
        }
        "Log.entryAdded" => ["error", "warning"].contains(&params["entry"]["level"].as_str()?),
        "Network.requestWillBeSent" => {
            let asked = params["request"]["url"].as_str()?;
            !asked.starts_with(&format!("{own}/")) && !asked.starts_with("data:")
        }
        _ => false,
    };
    is_bad.then(said)
}
