//! The queries of the routes that start, update, stage and flip, read strictly.
//! Called by these routes.
//! Must never let a parameter pass that does nothing.

use api::node::{BAKE_MAX_MS, Settings, Timing};

use super::refusal::Refusal;

/// What a route takes.
#[derive(Debug, Clone, Copy)]
struct Takes {
    /// `set=NAME=VALUE` and `target=PROGRAM=TARGET`, each as often as needed, and `bake_ms=`.
    update: bool,
    /// `at_ms=`.
    at: bool,
}

/// The query of a start or an update.
///
/// # Errors
/// 400: a parameter of another name, not of its form, or twice.
pub(super) fn of_update(query: Option<&str>) -> Result<(Settings, Timing), Refusal> {
    let takes = Takes {
        update: true,
        at: false,
    };
    read(query, takes)
}

/// The query of what is to be staged.
///
/// # Errors
/// As [`of_update`].
pub(super) fn of_stage(query: Option<&str>) -> Result<(Settings, Timing), Refusal> {
    let takes = Takes {
        update: true,
        at: true,
    };
    read(query, takes)
}

/// The query of a flip: when it is to be, milliseconds since 1970.
///
/// # Errors
/// As [`of_update`].
pub(super) fn of_flip(query: Option<&str>) -> Result<Option<u64>, Refusal> {
    let takes = Takes {
        update: false,
        at: true,
    };
    Ok(read(query, takes)?.1.at_ms)
}

fn read(query: Option<&str>, takes: Takes) -> Result<(Settings, Timing), Refusal> {
    let (mut settings, mut timing) = (Settings::default(), Timing::default());
    for (word, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*word {
            "set" if takes.update => insert(&mut settings.globals, "set", &value)?,
            "target" if takes.update => insert(&mut settings.targets, "target", &value)?,
            "bake_ms" if takes.update => {
                number(&mut timing.bake_ms, "bake_ms", &value, BAKE_MAX_MS)?;
            }
            "at_ms" if takes.at => number(&mut timing.at_ms, "at_ms", &value, u64::MAX)?,
            _ => {
                let rule = format!("the query takes {}, not {word:?}", takes.told());
                return Err(Refusal::bad_query(word, rule));
            }
        }
    }
    Ok((settings, timing))
}

impl Takes {
    fn told(self) -> &'static str {
        match (self.update, self.at) {
            (true, false) => "set=NAME=VALUE, target=PROGRAM=TARGET and bake_ms=MILLISECONDS",
            (true, true) => {
                "set=NAME=VALUE, target=PROGRAM=TARGET, bake_ms=MILLISECONDS and at_ms=MILLISECONDS"
            }
            (false, _) => "at_ms=MILLISECONDS",
        }
    }
}

fn insert(
    into: &mut std::collections::BTreeMap<String, String>,
    word: &str,
    value: &str,
) -> Result<(), Refusal> {
    let bad = |rule| Refusal::bad_query(word, rule);
    let (name, value) = value
        .split_once('=')
        .ok_or_else(|| bad(format!("{word} reads NAME=VALUE, not {value:?}")))?;
    match into.insert(name.to_owned(), value.to_owned()) {
        None => Ok(()),
        Some(first) => Err(bad(format!(
            "{word} gives {name} twice: {first:?} and {value:?}"
        ))),
    }
}

fn number(into: &mut Option<u64>, word: &str, value: &str, max: u64) -> Result<(), Refusal> {
    let bad = |rule| Refusal::bad_query(word, rule);
    let number: u64 = value
        .parse()
        .map_err(|_| bad(format!("{word} is a number of milliseconds, not {value:?}")))?;
    if number > max {
        return Err(bad(format!("{word} is at most {max}, not {number}")));
    }
    match into.replace(number) {
        None => Ok(()),
        Some(first) => Err(bad(format!("{word} is there twice: {first} and {number}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_takes_its_own_and_nothing_twice() {
        let (settings, timing) = of_stage(Some("set=a=1&target=p=eth0&bake_ms=0&at_ms=9")).unwrap();
        assert_eq!(settings.globals["a"], "1");
        assert_eq!(settings.targets["p"], "eth0");
        assert_eq!((timing.bake_ms, timing.at_ms), (Some(0), Some(9)));
        assert_eq!(of_flip(Some("at_ms=5")).unwrap(), Some(5));
        assert_eq!(of_flip(None).unwrap(), None);
        for wrong in [
            "at_ms=1",
            "bake=1",
            "bake_ms=x",
            "bake_ms=86400001",
            "bake_ms=1&bake_ms=1",
        ] {
            assert!(of_update(Some(wrong)).is_err(), "{wrong}");
        }
        assert!(of_flip(Some("bake_ms=1")).is_err());
        assert!(of_update(Some("set=a=1&set=a=2")).is_err());
    }
}
