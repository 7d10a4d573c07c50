//! Numbers with dots between, such as a kernel's version, compared number by number.
//! Called by `selector`. Must never compare more numbers than the bound gives.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Numbers of one bound.
const NUMBERS_MAX: usize = 8;

/// One to eight numbers, `5.15` as `[5, 15]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers(Vec<u32>);

impl Numbers {
    /// How the numbers that `text` begins with stand to these; `None` where it begins with none.
    /// Numbers that it lacks are 0, and those beyond the last of these don't count.
    pub(super) fn order_of(&self, text: &str) -> Option<Ordering> {
        let mut found = leading(text);
        let first = found.next()?;
        let found = std::iter::once(first).chain(found);
        Some(
            found
                .chain(std::iter::repeat(0))
                .take(self.0.len())
                .cmp(self.0.iter().copied()),
        )
    }
}

/// The numbers that a text begins with: 6, 1, 0 of `6.1.0-18-amd64`.
fn leading(text: &str) -> impl Iterator<Item = u32> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    text[..end]
        .split('.')
        .map_while(|digits| digits.parse().ok())
}

impl FromStr for Numbers {
    /// The text is not numbers with dots, or too many of them.
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<u32>().ok()).flatten()
        };
        let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
        numbers
            .filter(|numbers| numbers.len() <= NUMBERS_MAX)
            .map(Self)
            .ok_or(())
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            let dot = if index > 0 { "." } else { "" };
            write!(f, "{dot}{number}")?;
        }
        Ok(())
    }
}
