//! Attach targets as people write them: `MAIN[,OPTION=VALUE…]`, in a section's name, a deployment or
//! on the command line. Read by `hook`; pure.
//! Must never let an option pass that its kind does not know.

use std::fmt;

use super::rules::Rule;

/// An option of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Only this process.
    Pid,
    /// Samples a second.
    Hertz,
    /// Events between two samples.
    Period,
    /// Where in the path of a packet XDP runs.
    Mode,
    /// Which way packets go.
    Direction,
    /// The network namespace, by the path of a file that names it.
    Netns,
    /// The cgroup of a hook that has another target already.
    Cgroup,
    /// Which of several programs at a netfilter hook is first: the lowest.
    Priority,
    /// The map that an iterator walks.
    Map,
}

impl Key {
    const ALL: [Self; 9] = [
        Self::Pid,
        Self::Hertz,
        Self::Period,
        Self::Mode,
        Self::Direction,
        Self::Netns,
        Self::Cgroup,
        Self::Priority,
        Self::Map,
    ];

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pid => "pid",
            Self::Hertz => "hz",
            Self::Period => "period",
            Self::Mode => "mode",
            Self::Direction => "direction",
            Self::Netns => "netns",
            Self::Cgroup => "cgroup",
            Self::Priority => "priority",
            Self::Map => "map",
        }
    }

    /// The values it takes, in words, where `value` is none of them.
    fn fault(self, value: &str) -> Option<&'static str> {
        let within = |low: u64, high: u64| {
            value
                .parse::<u64>()
                .is_ok_and(|number| (low..=high).contains(&number))
        };
        let (good, rule) = match self {
            Self::Pid => (
                within(1, 0x3fff_ffff),
                "the number of a process, 1 to 1073741823",
            ),
            Self::Hertz => (within(1, 10_000), "a number from 1 to 10000"),
            Self::Period => (
                within(1, u64::MAX >> 1),
                "a number from 1 to 9223372036854775807",
            ),
            Self::Mode => (
                matches!(value, "driver" | "generic"),
                "`driver` or `generic`",
            ),
            Self::Direction => (
                matches!(value, "ingress" | "egress"),
                "`ingress` or `egress`",
            ),
            Self::Netns => (
                value.starts_with('/') && !value.split('/').any(|part| part == ".."),
                "the path of a network namespace, such as /run/netns/NAME",
            ),
            Self::Cgroup => (
                !value.is_empty() && !value.split('/').any(|part| part == ".."),
                "the path of a cgroup, without `..`",
            ),
            Self::Priority => (
                value.parse::<i32>().is_ok(),
                "a number from -2147483648 to 2147483647",
            ),
            Self::Map => (!value.is_empty(), "the name of a map of the object"),
        };
        (!good).then_some(rule)
    }
}

/// Where a program attaches, as its kind writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// A function, path, interface, cgroup…
    pub(crate) main: String,
    options: Vec<(Key, String)>,
}

/// Why a text is no target of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    /// The part before the options.
    #[error("its target reads {form}, not {target:?}")]
    Form {
        /// What it must look like.
        form: &'static str,
        /// What was given.
        target: String,
    },
    /// No such option, or not for this kind.
    #[error("its target takes {}, not {option:?}", takes(options))]
    Option {
        /// Those that it takes.
        options: &'static [Key],
        /// What was given.
        option: String,
    },
    /// An option's value.
    #[error("option {option} of its target is {rule}, not {value:?}")]
    Value {
        /// The option.
        option: &'static str,
        /// The values it takes.
        rule: &'static str,
        /// What was given.
        value: String,
    },
    /// Two options that say the same thing in two ways.
    #[error("its target takes {first} or {second}, not both")]
    Excluded {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// One option twice.
    #[error("its target gives the option {option} twice: {first:?} and {second:?}")]
    Twice {
        /// The option.
        option: &'static str,
        /// The value that stands first.
        first: String,
        /// The other one.
        second: String,
    },
}

fn takes(options: &[Key]) -> String {
    match options {
        [] => "no option".to_owned(),
        options => {
            let words: Vec<&str> = options.iter().map(|key| key.word()).collect();
            format!("the options {}", words.join(", "))
        }
    }
}

impl Target {
    /// Reads `text` by its kind's rule.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(super) fn parse(rule: &Rule, text: &str) -> Result<Self, TargetError> {
        let mut main = text;
        let mut options: Vec<(Key, String)> = Vec::new();
        // From the right: a path may hold a comma itself.
        while let Some((before, option)) = main.rsplit_once(',') {
            let Some((word, value)) = option.split_once('=').filter(|(word, _)| is_word(word))
            else {
                break;
            };
            let unknown = || TargetError::Option {
                options: rule.options,
                option: word.to_owned(),
            };
            let key = Key::ALL.into_iter().find(|key| key.word() == word);
            let key = key
                .filter(|key| rule.options.contains(key))
                .ok_or_else(unknown)?;
            if let Some(rule) = key.fault(value) {
                let (option, value) = (key.word(), value.to_owned());
                return Err(TargetError::Value {
                    option,
                    rule,
                    value,
                });
            }
            if let Some((_, second)) = options.iter().find(|(other, _)| *other == key) {
                return Err(TargetError::Twice {
                    option: key.word(),
                    first: value.to_owned(),
                    second: second.clone(),
                });
            }
            options.push((key, value.to_owned()));
            main = before;
        }
        options.sort_by_key(|(key, _)| key.word());
        let has = |key| options.iter().any(|(other, _)| *other == key);
        if has(Key::Hertz) && has(Key::Period) {
            return Err(TargetError::Excluded {
                first: Key::Hertz.word(),
                second: Key::Period.word(),
            });
        }
        let main = if main.is_empty() {
            rule.default.unwrap_or_default()
        } else {
            main
        };
        if !(rule.fits)(main) {
            return Err(TargetError::Form {
                form: rule.form,
                target: main.to_owned(),
            });
        }
        Ok(Self {
            main: main.to_owned(),
            options,
        })
    }

    /// A target that is a name of the object's own, without options.
    pub(super) fn named(name: &str) -> Self {
        Self {
            main: name.to_owned(),
            options: Vec::new(),
        }
    }

    /// The value of an option.
    pub(crate) fn option(&self, key: Key) -> Option<&str> {
        let found = self.options.iter().find(|(other, _)| *other == key);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of an option that is a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, key: Key) -> Option<T> {
        self.option(key).and_then(|value| value.parse().ok())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.main)?;
        for (key, value) in &self.options {
            write!(f, ",{}={value}", key.word())?;
        }
        Ok(())
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// `GROUP/EVENT`.
pub(crate) fn split_tracepoint(target: &str) -> Option<(&str, &str)> {
    target
        .split_once('/')
        .filter(|(group, event)| !group.is_empty() && !event.is_empty())
}

/// Path and function of `PATH:FUNCTION`. The path may hold colons itself.
pub(crate) fn split_path(target: &str) -> Option<(&str, &str)> {
    target
        .rsplit_once(':')
        .filter(|(path, function)| !path.is_empty() && !function.is_empty())
}

/// Path, provider and name of `PATH:PROVIDER:NAME`.
pub(crate) fn split_usdt(target: &str) -> Option<(&str, &str, &str)> {
    let (rest, name) = split_path(target)?;
    let (path, provider) = split_path(rest)?;
    Some((path, provider, name))
}

/// Function and offset of `FUNCTION[+OFFSET]`.
pub(crate) fn split_offset(function: &str) -> Option<(&str, usize)> {
    match function.rsplit_once('+') {
        Some((name, offset)) if !name.is_empty() => Some((name, parse_offset(offset)?)),
        Some(_) => None,
        None => (!function.is_empty()).then_some((function, 0)),
    }
}

fn parse_offset(text: &str) -> Option<usize> {
    match text.strip_prefix("0x") {
        Some(hex) => usize::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use payload::object::Kind;

    use super::super::rules::rule;
    use super::*;

    fn parsed(kind: Kind, text: &str) -> Result<Target, TargetError> {
        Target::parse(&rule(kind), text)
    }

    #[test]
    fn uprobe_targets_split_from_the_right() {
        assert_eq!(
            split_path("/bin/a:b:main+0x10"),
            Some(("/bin/a:b", "main+0x10"))
        );
        assert_eq!(split_offset("main+0x10"), Some(("main", 16)));
        assert_eq!(split_offset("malloc"), Some(("malloc", 0)));
        assert_eq!(split_offset("main+x"), None);
        assert_eq!(split_path("/bin/a"), None);
        assert_eq!(
            split_usdt("/lib/a:b:provider:name"),
            Some(("/lib/a:b", "provider", "name"))
        );
    }

    #[test]
    fn options_follow_the_target_and_are_shown_in_one_order() {
        let target = parsed(Kind::PerfEvent, "page-faults,pid=7,hz=19").unwrap();
        assert_eq!(target.number(Key::Pid), Some(7_u32));
        assert_eq!(target.number(Key::Hertz), Some(19_u64));
        assert_eq!(target.to_string(), "page-faults,hz=19,pid=7");
        assert_eq!(
            target,
            parsed(Kind::PerfEvent, "page-faults,hz=19,pid=7").unwrap()
        );
    }

    #[test]
    fn a_path_may_hold_a_comma() {
        let target = parsed(Kind::Uprobe, "/opt/a,b/c:main,pid=1").unwrap();
        assert_eq!(target.main, "/opt/a,b/c:main");
    }

    #[test]
    fn an_option_of_another_kind_is_refused_with_those_there_are() {
        let error = parsed(Kind::Xdp, "eth0,pid=1").unwrap_err().to_string();
        assert_eq!(
            error,
            "its target takes the options mode, netns, not \"pid\""
        );
        let error = parsed(Kind::Tracepoint, "a/b,hz=1")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "its target takes no option, not \"hz\"");
    }

    #[test]
    fn a_value_out_of_its_range_is_refused_with_the_range() {
        let error = parsed(Kind::PerfEvent, "cpu-clock,hz=0").unwrap_err();
        assert_eq!(
            error.to_string(),
            "option hz of its target is a number from 1 to 10000, not \"0\""
        );
        let twice = parsed(Kind::PerfEvent, "cpu-clock,hz=1,hz=2").unwrap_err();
        assert!(matches!(twice, TargetError::Twice { .. }));
    }
}
