//! What a token may do, as types. Read from `POST /tokens` and from the database.
//! Must never let an unknown word mean something.

use std::fmt;
use std::str::FromStr;

use payload::name::{Excerpt, NameError, Namespace};
use thiserror::Error;

use crate::limits::SCOPES_MAX;

/// Why a text is not a scope.
#[derive(Debug, Error)]
pub(crate) enum ScopeError {
    /// None of the words.
    #[error("scope {found:?} is none of admin, operate, read, publish:NAMESPACE, publish:*, enrol")]
    Unknown {
        /// What was given.
        found: Excerpt,
    },
    /// `publish:` with what is no namespace.
    #[error(transparent)]
    Namespace(#[from] NameError),
    /// A token without any.
    #[error("a token needs at least one scope")]
    None,
    /// More than the bound.
    #[error("{found} scopes, at most {max} are allowed")]
    TooMany {
        /// How many.
        found: usize,
        /// The bound.
        max: usize,
    },
    /// `enrol` beside another one.
    #[error("enrol stands alone: a token on a new machine must not be good for more")]
    EnrolBesideOther,
}

/// One thing that a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything that tokens may do.
    Admin,
    /// Deployments, nodes, channels, revoking; reading.
    Operate,
    /// Reading.
    Read,
    /// Publishing in one namespace, or in all of them; reading.
    Publish(Option<Namespace>),
    /// Enrolling nodes, and nothing else.
    Enrol,
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Ok(match text {
            "admin" => Self::Admin,
            "operate" => Self::Operate,
            "read" => Self::Read,
            "enrol" => Self::Enrol,
            "publish:*" => Self::Publish(None),
            other => match other.strip_prefix("publish:") {
                Some(namespace) => Self::Publish(Some(namespace.parse()?)),
                None => {
                    return Err(ScopeError::Unknown {
                        found: Excerpt::of(other),
                    });
                }
            },
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::Operate => f.write_str("operate"),
            Self::Read => f.write_str("read"),
            Self::Enrol => f.write_str("enrol"),
            Self::Publish(None) => f.write_str("publish:*"),
            Self::Publish(Some(namespace)) => write!(f, "publish:{namespace}"),
        }
    }
}

/// What a token may do: at least one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads the scopes of a token.
    ///
    /// # Errors
    /// None, too many, an unknown one, or `enrol` beside another.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, ScopeError> {
        match texts.len() {
            0 => return Err(ScopeError::None),
            1..=SCOPES_MAX => {}
            found => {
                let max = SCOPES_MAX;
                return Err(ScopeError::TooMany { found, max });
            }
        }
        let scopes = texts.iter().map(|text| text.parse());
        let scopes: Vec<Scope> = scopes.collect::<Result<_, _>>()?;
        if scopes.len() > 1 && scopes.contains(&Scope::Enrol) {
            return Err(ScopeError::EnrolBesideOther);
        }
        Ok(Self(scopes))
    }

    /// As they are written.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.iter().map(Scope::to_string).collect()
    }

    /// Whether it may manage tokens and keys.
    pub(crate) fn may_admin(&self) -> bool {
        self.0.contains(&Scope::Admin)
    }

    /// Whether it may operate the fleet.
    pub(crate) fn may_operate(&self) -> bool {
        self.may_admin() || self.0.contains(&Scope::Operate)
    }

    /// Whether it may enrol nodes.
    pub(crate) fn may_enrol(&self) -> bool {
        self.0.contains(&Scope::Enrol)
    }

    /// Whether it may read.
    pub(crate) fn may_read(&self) -> bool {
        !self.may_enrol()
    }

    /// Whether it may publish somewhere.
    pub(crate) fn may_publish(&self) -> bool {
        let publishes = |scope: &Scope| matches!(scope, Scope::Publish(_));
        self.may_admin() || self.0.iter().any(publishes)
    }

    /// Whether it may publish in a namespace.
    pub(crate) fn may_publish_in(&self, namespace: &str) -> bool {
        let publishes = |scope: &Scope| match scope {
            Scope::Publish(Some(own)) => own.as_str() == namespace,
            Scope::Publish(None) => true,
            _ => false,
        };
        self.may_admin() || self.0.iter().any(publishes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(texts: &[&str]) -> Result<Scopes, ScopeError> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Scopes::parse(&texts)
    }

    #[test]
    fn each_scope_gives_what_it_says_and_no_more() {
        // admin, operate, read, publish somewhere, publish in acme, enrol
        for (text, may) in [
            ("admin", [true, true, true, true, true, false]),
            ("operate", [false, true, true, false, false, false]),
            ("read", [false, false, true, false, false, false]),
            ("publish:acme", [false, false, true, true, true, false]),
            ("publish:other", [false, false, true, true, false, false]),
            ("publish:*", [false, false, true, true, true, false]),
            ("enrol", [false, false, false, false, false, true]),
        ] {
            let scopes = scopes(&[text]).unwrap();
            let found = [
                scopes.may_admin(),
                scopes.may_operate(),
                scopes.may_read(),
                scopes.may_publish(),
                scopes.may_publish_in("acme"),
                scopes.may_enrol(),
            ];
            assert_eq!(found, may, "{text}");
            assert_eq!(scopes.texts(), [text]);
        }
    }

    #[test]
    fn an_unknown_word_is_refused_and_enrol_stands_alone() {
        for text in [
            "",
            "Admin",
            "publish",
            "publish:",
            "publish:A",
            "publish:a/b",
            "write",
        ] {
            assert!(scopes(&[text]).is_err(), "{text}");
        }
        assert!(matches!(
            scopes(&["enrol", "read"]),
            Err(ScopeError::EnrolBesideOther)
        ));
        assert!(matches!(scopes(&[]), Err(ScopeError::None)));
        assert!(scopes(&["read"; SCOPES_MAX]).is_ok());
        assert!(matches!(
            scopes(&["read"; SCOPES_MAX + 1]),
            Err(ScopeError::TooMany { .. })
        ));
    }
}
