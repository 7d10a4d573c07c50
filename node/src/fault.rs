//! Places where a test has the daemon killed, as by `kill -9`: before and behind each step that a crash
//! must not tear. Called by the engine. Must never be there in a release build.

/// The environment variable that names the place.
#[cfg(debug_assertions)]
const VARIABLE: &str = "MARROW_FAULT";

/// Ends the process without a word where the place is the one that was named.
#[cfg(debug_assertions)]
pub(crate) fn at(place: &str) {
    use std::sync::OnceLock;

    static NAMED: OnceLock<Option<String>> = OnceLock::new();
    let named = NAMED.get_or_init(|| std::env::var(VARIABLE).ok());
    if named.as_deref() == Some(place) {
        crate::kernel::sys::kill_self();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn at(_place: &str) {}
