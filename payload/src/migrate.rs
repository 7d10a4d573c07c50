//! Values of one layout made into values of another, by the names that both objects' BTF gives to
//! fields. Compiled once for two types, then run on bytes, an entry at a time. Called by the node
//! when a map goes on in another form. Must never lose a value without a word: what does not fit is
//! refused while compiling, what has no place any more is listed.

mod between;
mod number;
mod numeral;
mod step;
mod variables;

pub use number::Number;
pub use variables::{Section, same_variables};

use crate::btf::{Btf, TypeId};
use crate::limits::{DATA_SECTION_BYTES_MAX, MIGRATED_FIELDS_MAX, MIGRATED_STEPS_MAX};
use between::Pairs;
use step::Step;

/// Why values of one type can't become values of another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoConversion {
    /// Not a wider or narrower form of the same thing.
    #[error("{at} was {was}, is {is}")]
    Changed {
        /// The field, or `it`.
        at: String,
        /// The type it had.
        was: String,
        /// The type it has.
        is: String,
    },
    /// Some values of the old type are none of the new one.
    #[error("{at} was {was}, is {is}, which does not hold every value of it")]
    Narrower {
        /// The field, or `it`.
        at: String,
        /// The type it had.
        was: String,
        /// The type it has.
        is: String,
    },
    /// An array that lost elements.
    #[error("{at} had {was} elements, has {is}")]
    Shorter {
        /// The field, or `it`.
        at: String,
        /// How many it had.
        was: u32,
        /// How many it has.
        is: u32,
    },
    /// A name that stands for another number now.
    #[error("{at}: {name} was {was}, is {is}")]
    Renumbered {
        /// The field, or `it`.
        at: String,
        /// The name of the value.
        name: String,
        /// Its number.
        was: u64,
        /// Its number now.
        is: u64,
    },
    /// Which member of a union is in use nobody knows, so all must mean the same.
    #[error("{at} is a union, and its members are not those that it had")]
    Union {
        /// The field, or `it`.
        at: String,
    },
    /// More than is compiled.
    #[error("it has more than {fields_max} fields or {steps_max} elements")]
    TooLarge {
        /// The bound on fields.
        fields_max: usize,
        /// The bound on fields, those of every element counted.
        steps_max: u64,
    },
}

impl NoConversion {
    fn too_large() -> Self {
        Self::TooLarge {
            fields_max: MIGRATED_FIELDS_MAX,
            steps_max: MIGRATED_STEPS_MAX,
        }
    }
}

/// How bytes of one layout become bytes of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    steps: Vec<Step>,
    bytes: usize,
    /// Fields that only the old layout has, by path; those of nested structs with dots. Variables
    /// that can't go on with the reason.
    pub dropped: Vec<String>,
    /// Variables that begin with a value that they were given, with the reason.
    pub renewed: Vec<String>,
    /// Fields that only the new layout has.
    pub added: Vec<String>,
}

impl Conversion {
    /// Compiles the way from a value of `old` to one of `new`. Fields go by name, members of
    /// anonymous structs as if they stood beside them; integers and enumerations may grow where
    /// every value fits, arrays may get longer.
    ///
    /// # Errors
    /// The first field that can't come along, see [`NoConversion`].
    pub fn between(old: (&Btf, TypeId), new: (&Btf, TypeId)) -> Result<Self, NoConversion> {
        let mut pairs = Pairs::new(old.0, new.0);
        pairs.whole(old.1, new.1)?;
        let bytes = new.0.size_of(new.1).unwrap_or(0);
        let bytes = u32::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes <= DATA_SECTION_BYTES_MAX)
            .and_then(|bytes| usize::try_from(bytes).ok());
        Ok(pairs.compiled(bytes.ok_or_else(NoConversion::too_large)?))
    }

    /// For values that nothing is known of but that they are as long as before.
    #[must_use]
    pub fn verbatim(bytes: usize) -> Self {
        Self {
            steps: vec![Step::Copy {
                from: 0,
                to: 0,
                bytes,
            }],
            bytes,
            dropped: Vec::new(),
            renewed: Vec::new(),
            added: Vec::new(),
        }
    }

    /// Bytes of a value of the new layout.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it carries nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Writes what `old` holds over `new`; bytes that no field of `old` goes to stay as they are.
    pub fn onto(&self, old: &[u8], new: &mut [u8]) {
        step::run(&self.steps, old, new);
    }

    /// A value of the new layout: what `old` has no field for is zero.
    #[must_use]
    pub fn convert(&self, old: &[u8]) -> Vec<u8> {
        let mut new = vec![0; self.bytes];
        self.onto(old, &mut new);
        new
    }

    /// The way back. What was widened is cut to the bits that it had.
    #[must_use]
    pub fn reversed(&self, old_bytes: usize) -> Self {
        Self {
            steps: self.steps.iter().map(Step::reversed).collect(),
            bytes: old_bytes,
            dropped: self.added.clone(),
            renewed: self.renewed.clone(),
            added: self.dropped.clone(),
        }
    }

    /// The integers of both layouts that programs can add to at once: 4 or 8 bytes, at a multiple
    /// of their size. At most `numbers_max`.
    #[must_use]
    pub fn numbers(&self, numbers_max: usize) -> Vec<Number> {
        let mut numbers = Vec::new();
        step::numbers(&self.steps, (0, 0), numbers_max, &mut numbers);
        numbers
    }

    /// The bytes of the new layout that [`Conversion::onto`] writes, 0xff each, the others 0.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        let mut mask = vec![0; self.bytes];
        step::mark(&self.steps, 0, &mut mask);
        mask
    }
}
