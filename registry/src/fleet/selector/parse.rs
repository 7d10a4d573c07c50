//! Reads a label expression and says where it stops being one. Called by `selector`.
//! Must never recurse, nor read more than the bounds of `selector`.

use std::str::FromStr;

use payload::name::Excerpt;

use super::{Comparison, Rule, SELECTOR_BYTES_MAX, Selector, TERMS_MAX, Term, VALUES_MAX};

/// Why a text is no label expression. Places count bytes from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectorError {
    /// Longer than the bound.
    #[error("the selector has {bytes} bytes, at most {SELECTOR_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Something else stands where the grammar wants one of a few things.
    #[error("the selector {text:?} has {found} at byte {at}, where {wanted} is expected")]
    Unexpected {
        /// What was given.
        text: Excerpt,
        /// Where.
        at: usize,
        /// What stands there, for people.
        found: String,
        /// What could stand there.
        wanted: &'static str,
    },
    /// `<` and its like compare numbers.
    #[error(
        "the selector compares {key} at byte {at} with {value:?}, which is not numbers with dots \
         such as 5.15"
    )]
    NotNumbers {
        /// The key.
        key: String,
        /// Where the value begins.
        at: usize,
        /// The value.
        value: Excerpt,
    },
    /// A quote that does not end.
    #[error("the selector opens a quote at byte {at} that is not closed")]
    OpenQuote {
        /// Where it opens.
        at: usize,
    },
    /// More terms, or more values behind one `in`.
    #[error("the selector has more than {max} {what} at byte {at}")]
    TooMany {
        /// `terms` or `values`.
        what: &'static str,
        /// The bound.
        max: usize,
        /// Where the first too many begins.
        at: usize,
    },
}

impl SelectorError {
    /// Where the text goes wrong, in bytes from 0; none where it is wrong as a whole.
    pub(crate) fn at(&self) -> Option<usize> {
        match self {
            Self::TooLong { .. } => None,
            Self::Unexpected { at, .. }
            | Self::NotNumbers { at, .. }
            | Self::OpenQuote { at }
            | Self::TooMany { at, .. } => Some(*at),
        }
    }
}

/// What a value may hold without quotes.
pub(super) fn is_bare(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '/' | ':' | '@' | '+')
}

/// What a key may hold.
pub(crate) fn is_key(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '/')
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.len() > SELECTOR_BYTES_MAX {
            return Err(SelectorError::TooLong { bytes: text.len() });
        }
        let mut reader = Reader { text, at: 0 };
        reader.skip_spaces();
        let mut terms = Vec::new();
        if reader.take("*") {
            reader.skip_spaces();
        } else {
            loop {
                if terms.len() == TERMS_MAX {
                    return Err(reader.too_many("terms", TERMS_MAX));
                }
                terms.push(reader.term()?);
                reader.skip_spaces();
                if !reader.take(",") {
                    break;
                }
                reader.skip_spaces();
            }
        }
        if reader.rest().is_empty() {
            Ok(Self { terms })
        } else if terms.is_empty() {
            Err(reader.unexpected("nothing behind `*`"))
        } else {
            Err(reader.unexpected("a comma or the end"))
        }
    }
}

/// What is left of the text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(' ').len();
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter| !fits(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn term(&mut self) -> Result<Term, SelectorError> {
        let absent = self.take("!");
        let key = self.take_while(is_key).to_owned();
        if key.is_empty() {
            return Err(self.unexpected("the key of a label"));
        }
        if absent {
            return Ok(Term {
                key,
                rule: Rule::Absent,
            });
        }
        self.skip_spaces();
        let rule = self.rule(&key)?;
        Ok(Term { key, rule })
    }

    fn rule(&mut self, key: &str) -> Result<Rule, SelectorError> {
        // The longer sign first, since it begins with the shorter one.
        const COMPARISONS: [Comparison; 4] = [
            Comparison::LessOrSame,
            Comparison::Less,
            Comparison::MoreOrSame,
            Comparison::More,
        ];
        if self.take("!=") {
            return Ok(Rule::IsNot(self.value()?));
        }
        if self.take("=") {
            return Ok(Rule::Is(self.value()?));
        }
        for comparison in COMPARISONS {
            if self.take(comparison.sign()) {
                return self.numbers(key, comparison);
            }
        }
        if self.rest().is_empty() || self.rest().starts_with(',') {
            return Ok(Rule::Present);
        }
        let before = self.at;
        if self.take_while(is_key) == "in" {
            return Ok(Rule::In(self.values()?));
        }
        self.at = before;
        Err(self.unexpected("one of = != < <= > >= in, a comma or the end"))
    }

    fn numbers(&mut self, key: &str, comparison: Comparison) -> Result<Rule, SelectorError> {
        self.skip_spaces();
        let at = self.at;
        let value = self.value()?;
        match value.parse() {
            Ok(bound) => Ok(Rule::Compare(comparison, bound)),
            Err(()) => Err(SelectorError::NotNumbers {
                key: key.to_owned(),
                at,
                value: Excerpt::of(&value),
            }),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        self.skip_spaces();
        if !self.take("(") {
            return Err(self.unexpected("the ( of a list of values"));
        }
        let mut values = Vec::new();
        loop {
            self.skip_spaces();
            if !values.is_empty() && self.take(")") {
                return Ok(values);
            }
            if values.len() == VALUES_MAX {
                return Err(self.too_many("values", VALUES_MAX));
            }
            values.push(self.value()?);
        }
    }

    fn value(&mut self) -> Result<String, SelectorError> {
        self.skip_spaces();
        let opened = self.at;
        if !self.take("\"") {
            let value = self.take_while(is_bare);
            if value.is_empty() {
                return Err(self.unexpected("a value (\"\" for an empty one)"));
            }
            return Ok(value.to_owned());
        }
        let mut value = String::new();
        let mut escaped = false;
        for (offset, letter) in self.rest().char_indices() {
            match letter {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => {
                    self.at += offset + 1;
                    return Ok(value);
                }
                _ => {
                    escaped = false;
                    value.push(letter);
                }
            }
        }
        Err(SelectorError::OpenQuote { at: opened })
    }

    fn unexpected(&self, wanted: &'static str) -> SelectorError {
        let found = self
            .rest()
            .chars()
            .next()
            .map_or("its end".to_owned(), |letter| format!("{letter:?}"));
        SelectorError::Unexpected {
            text: Excerpt::of(self.text),
            at: self.at,
            found,
            wanted,
        }
    }

    fn too_many(&self, what: &'static str, max: usize) -> SelectorError {
        SelectorError::TooMany {
            what,
            max,
            at: self.at,
        }
    }
}
