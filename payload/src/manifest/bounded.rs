//! Lists and texts that stop reading at their bound. Used by the manifest's fields through serde.
//! Must never allocate for what is over the bound, nor take what would act on a terminal.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// A list of at most `MAX` entries.
pub(super) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(entry) = entries.next_element()? {
                if list.len() == MAX {
                    return Err(A::Error::custom(format_args!(
                        "more than {MAX} entries, at most {MAX} are allowed"
                    )));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(List::<T, MAX>(PhantomData))
}

/// A value that may be absent, but not `null`: one spelling for what is not there.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A text of 1 to `MAX` bytes without control characters.
pub(super) fn text<'de, D, const MAX: usize>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    check_text(&text, MAX, |_| false).map_err(D::Error::custom)?;
    Ok(text)
}

/// Like [`text`], for a field that may be absent.
pub(super) fn optional_text<'de, D, const MAX: usize>(
    deserializer: D,
) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    text::<D, MAX>(deserializer).map(Some)
}

/// Like [`optional_text`], with line breaks.
pub(super) fn optional_prose<'de, D, const MAX: usize>(
    deserializer: D,
) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    check_text(&text, MAX, |c| c == '\n').map_err(D::Error::custom)?;
    Ok(Some(text))
}

/// A list of texts, as [`text`] reads each.
pub(super) fn texts<'de, D, const COUNT: usize, const MAX: usize>(
    deserializer: D,
) -> Result<Vec<String>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Text<const MAX: usize>(String);

    impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            text::<D, MAX>(deserializer).map(Self)
        }
    }

    let texts = list::<D, Text<MAX>, COUNT>(deserializer)?;
    Ok(texts.into_iter().map(|Text(text)| text).collect())
}

fn check_text(text: &str, bytes_max: usize, also: fn(char) -> bool) -> Result<(), String> {
    if text.is_empty() {
        return Err("empty, leave the field out instead".to_owned());
    }
    if text.len() > bytes_max {
        let bytes = text.len();
        return Err(format!("{bytes} bytes, at most {bytes_max} are allowed"));
    }
    match text
        .char_indices()
        .find(|&(_, c)| c.is_control() && !also(c))
    {
        Some((at, found)) => Err(format!("control character {found:?} at byte {at}")),
        None => Ok(()),
    }
}
