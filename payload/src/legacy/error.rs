//! Why a legacy JSON document is refused: the path of the field, the rule and both values.
//! Raised by every part of `legacy`, shown by `packer`, and by `node` in its 422 answers.
//! Must never hold text of the input that is not escaped and cut short.

use thiserror::Error;

use crate::limits::NAMES_SHOWN_MAX;

/// Characters of input that an error repeats.
const SHOWN_CHARS_MAX: usize = 64;

/// A legacy JSON document that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {rule}")]
pub struct LegacyError {
    /// Where in the document, such as `args[0].data_sz`; `the JSON` for the document itself.
    pub path: String,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// The rule that a legacy JSON document breaks, with what it says and what was wanted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rule {
    /// The document or a field is larger than what is read at all.
    #[error("has {bytes} bytes, the limit is {bytes_max}")]
    TooLarge {
        /// Bytes of the field.
        bytes: usize,
        /// The most that is read.
        bytes_max: usize,
    },
    /// The text is not one JSON document.
    #[error("is not JSON: {message} (line {line}, column {column})")]
    Syntax {
        /// What the JSON reader says.
        message: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 at the end of a line.
        column: usize,
    },
    /// Arrays and objects nest too deep.
    #[error("nests deeper than {depth_max} levels")]
    TooDeep {
        /// The deepest that is read.
        depth_max: usize,
    },
    /// The document has too many values.
    #[error("has more than {values_max} values")]
    TooManyValues {
        /// The most that is read.
        values_max: usize,
    },
    /// An array is longer than its bound.
    #[error("has {count} elements, the limit is {count_max}")]
    TooMany {
        /// Elements of the array.
        count: usize,
        /// The most that is read.
        count_max: usize,
    },
    /// A key occurs twice in one object.
    #[error("occurs twice in one object")]
    DuplicateKey,
    /// A required key is not there.
    #[error("is missing, must be {expected}")]
    Missing {
        /// What it must be.
        expected: &'static str,
    },
    /// A value of the wrong JSON type.
    #[error("is {found}, must be {expected}")]
    WrongType {
        /// What it is, with its value where that is short.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Two keys say the same thing.
    #[error("stands beside `{other}`, which means the same: only one may be there")]
    BothSpellings {
        /// The other key.
        other: &'static str,
    },
    /// The document has keys of two generations.
    #[error("has `{one}` and `{other}`, which belong to different generations of the format")]
    MixedGenerations {
        /// A key of one generation.
        one: &'static str,
        /// A key of another.
        other: &'static str,
    },
    /// The wrapper's `args` must hold the document and nothing else.
    #[error("has {count} elements, must have exactly 1: the JSON of the program as a string")]
    WrongArgumentCount {
        /// Elements of `args`.
        count: usize,
    },
    /// An export handler that no version of the predecessor had.
    #[error("is {found}, must be one of {allowed}")]
    UnknownExporter {
        /// The name, quoted.
        found: String,
        /// The names that are known.
        allowed: String,
    },
    /// A character outside base64's alphabet.
    #[error("character {at} is {found}, which is not base64")]
    NotBase64 {
        /// Counted from 1, white space included.
        at: usize,
        /// The character, quoted.
        found: String,
    },
    /// The text ends inside a group, is padded wrongly, or has bits set that must be 0.
    #[error(
        "is not whole base64: {characters} characters without white space, {padding} of them `=`: \
         {reason}"
    )]
    BrokenBase64 {
        /// Characters of the alphabet, and `=`.
        characters: usize,
        /// How many of them are `=`.
        padding: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The declared size is not the size of the data.
    #[error("declares {declared} bytes, {field} decodes to {decoded}")]
    SizeDiffers {
        /// What the size field says; may be below 0.
        declared: i128,
        /// The field with the data.
        field: &'static str,
        /// Bytes it decodes to.
        decoded: usize,
    },
    /// The compressed data goes on after as many bytes as were declared, or as are read at all.
    #[error("declares {declared} bytes, {field} inflates to more than {bytes_max}")]
    InflatesToMore {
        /// What the size field says; may be below 0.
        declared: i128,
        /// The field with the data.
        field: &'static str,
        /// Where inflating stopped.
        bytes_max: usize,
    },
    /// The compressed data is damaged or cut off.
    #[error("does not inflate after {inflated} bytes: {reason}")]
    NotZlib {
        /// Bytes that came out before the damage.
        inflated: usize,
        /// What the inflater says.
        reason: String,
    },
    /// Something follows the compressed data.
    #[error("has {trailing} bytes after its zlib stream of {stream} bytes")]
    TrailingBytes {
        /// Bytes of the stream.
        stream: usize,
        /// Bytes after it.
        trailing: usize,
    },
    /// There is no object.
    #[error("holds no bytes")]
    Empty,
    /// A name is not in the object.
    #[error("names {name}, the object has {}", shown_names(.has))]
    UnknownName {
        /// The name, escaped.
        name: String,
        /// What the object has.
        has: Vec<String>,
    },
    /// A name stands twice in one list.
    #[error("names {name} a second time, first at element {first}")]
    NamedTwice {
        /// The name, escaped.
        name: String,
        /// Where it stood first, counted from 0.
        first: usize,
    },
}

/// `X, Y, Z and 3 more`, or `none`.
fn shown_names(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut shown = names.iter().take(NAMES_SHOWN_MAX).map(|name| escaped(name));
    let mut text = shown.next().unwrap_or_default();
    for name in shown {
        text.push_str(", ");
        text.push_str(&name);
    }
    if let Some(more) = names
        .len()
        .checked_sub(NAMES_SHOWN_MAX)
        .filter(|more| *more > 0)
    {
        text.push_str(" and ");
        text.push_str(&more.to_string());
        text.push_str(" more");
    }
    text
}

/// Input as an error may repeat it: control characters escaped, cut short.
pub(super) fn escaped(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    if shown.is_empty() {
        return "\"\"".to_owned();
    }
    shown
}
