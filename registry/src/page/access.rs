//! What `GET /access` shows: who looks, the keys that are trusted, and for administrators the tokens.
//! Made by its route. Must never hold a secret but in the answer to its making.

use api::registry::{Token, TokenMade, Tokens, TrustedKey};
use askama::Template;

use super::address::Address;
use super::format::{Moment, ahead, moment};
use super::visible::visible;
use super::{Frame, Mistake};

/// `GET /access`.
#[derive(Template)]
#[template(path = "access.html")]
pub(crate) struct AccessPage {
    pub(crate) frame: Frame,
    /// What the token that looks may do.
    pub(crate) scopes: Vec<String>,
    /// When it ends, where that is known.
    pub(crate) ends: Option<Moment>,
    pub(crate) keys: Vec<KeyView>,
    /// For administrators.
    pub(crate) tokens: Option<TokenTable>,
    pub(crate) token_typed: TokenTyped,
    pub(crate) key_typed: KeyTyped,
    pub(crate) mistake: Mistake,
}

/// The answer to a token's making: the only time that its secret is told.
#[derive(Template)]
#[template(path = "token_made.html")]
pub(crate) struct TokenMadePage {
    frame: Frame,
    name: String,
    secret: String,
    scopes: Vec<String>,
    ends: Moment,
}

/// A key.
pub(crate) struct KeyView {
    key: String,
    namespaces: Vec<String>,
    comment: String,
    pem: String,
}

/// A page of tokens.
pub(crate) struct TokenTable {
    tokens: Vec<TokenView>,
    is_first: bool,
    next: Option<String>,
}

/// A token.
struct TokenView {
    name: String,
    scopes: Vec<String>,
    made: Moment,
    ends: Moment,
    used: Option<Moment>,
    uses_left: Option<u32>,
    /// `in force`, `ended`, `revoked`, `used up`.
    state: &'static str,
    may_be_revoked: bool,
}

/// What was typed into the form of a token.
#[derive(Debug, Default)]
pub(crate) struct TokenTyped {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) publish: String,
    pub(crate) life_s: String,
    pub(crate) uses: String,
    pub(crate) labels: String,
}

/// What was typed into the form of a key.
#[derive(Debug, Default)]
pub(crate) struct KeyTyped {
    pub(crate) pem: String,
    pub(crate) namespaces: String,
    pub(crate) comment: String,
}

/// Scopes that are a word, each with what it is for.
const SCOPES: [(&str, &str); 4] = [
    ("read", "looks at everything but the audit and tokens"),
    (
        "operate",
        "deployments, rollouts, nodes, channels, revoking, the audit",
    ),
    ("admin", "everything, tokens and keys as well"),
    ("enrol", "lets nodes enrol, and stands alone"),
];

/// Lives that can be chosen, seconds.
const LIVES: [(&str, &str); 6] = [
    ("", "as usual: 90 days, a day for enrol"),
    ("3600", "an hour"),
    ("86400", "a day"),
    ("2592000", "30 days"),
    ("7776000", "90 days"),
    ("31536000", "a year"),
];

impl AccessPage {
    /// What of a form a mistake can stand at.
    fn fields() -> [&'static str; 8] {
        [
            "name",
            "scopes",
            "expires_in_s",
            "uses",
            "labels",
            "pem",
            "namespaces",
            "comment",
        ]
    }

    fn scope_words() -> [(&'static str, &'static str); 4] {
        SCOPES
    }

    fn lives() -> [(&'static str, &'static str); 6] {
        LIVES
    }
}

impl TokenTyped {
    fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|one| one == scope)
    }
}

impl TokenMadePage {
    /// A token that was made this moment.
    pub(crate) fn of(frame: Frame, made: TokenMade, now_ms: u64) -> Self {
        let TokenMade { secret, token } = made;
        Self {
            frame,
            name: token.name,
            secret,
            scopes: token.scopes,
            ends: ahead(token.expires_ms, now_ms),
        }
    }
}

impl KeyView {
    /// A key that is trusted.
    pub(crate) fn of(key: TrustedKey) -> Self {
        Self {
            key: key.key,
            namespaces: key.namespaces,
            comment: visible(&key.comment),
            pem: key.pem,
        }
    }
}

impl TokenTable {
    /// A page of tokens, the first where it is behind none; `own` is the one that looks.
    pub(crate) fn of(tokens: Tokens, is_first: bool, own: &str, now_ms: u64) -> Self {
        let next = tokens.next.map(|after| {
            let address = Address::to("/access").with("after", &after);
            format!("{}#tokens", address.text())
        });
        let views = tokens.tokens.into_iter();
        Self {
            tokens: views
                .map(|token| TokenView::of(token, own, now_ms))
                .collect(),
            is_first,
            next,
        }
    }
}

impl TokenView {
    fn of(token: Token, own: &str, now_ms: u64) -> Self {
        let state = if token.revoked_ms.is_some() {
            "revoked"
        } else if token.expires_ms <= now_ms {
            "ended"
        } else if token.uses_left == Some(0) {
            "used up"
        } else {
            "in force"
        };
        Self {
            may_be_revoked: token.revoked_ms.is_none() && token.name != own,
            name: token.name,
            scopes: token.scopes,
            made: moment(token.created_ms, now_ms),
            ends: ahead(token.expires_ms, now_ms),
            used: token.used_ms.map(|at_ms| moment(at_ms, now_ms)),
            uses_left: token.uses_left,
            state,
        }
    }

    /// The class of its state.
    fn tone(&self) -> &'static str {
        match self.state {
            "in force" => "available",
            "revoked" => "revoked",
            _ => "lost",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whether_it_is_in_force_and_ones_own_is_not_revoked_by_a_button() {
        let token = |name: &str, expires_ms, uses_left, revoked_ms| Token {
            name: name.to_owned(),
            scopes: Vec::new(),
            created_ms: 0,
            expires_ms,
            used_ms: None,
            uses_left,
            revoked_ms,
        };
        for (token, state, may_be_revoked) in [
            (token("a", 20, None, None), "in force", true),
            (token("own", 20, None, None), "in force", false),
            (token("a", 10, None, None), "ended", true),
            (token("a", 20, Some(0), None), "used up", true),
            (token("a", 20, Some(1), Some(5)), "revoked", false),
        ] {
            let view = TokenView::of(token, "own", 10);
            assert_eq!((view.state, view.may_be_revoked), (state, may_be_revoked));
        }
    }
}
