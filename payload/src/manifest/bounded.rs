//! Lists and texts that stop reading at their bound. Used by the manifest's fields through serde.
//! Must never allocate for what is over the bound, nor take what would act on a terminal.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::limits::{CONFIG_MAX, CONFIG_VALUE_BYTES_MAX, METRIC_NAME_BYTES_MAX};
use crate::name::Excerpt;

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

/// Settings by name: at most `CONFIG_MAX`, each name once, texts that may be empty.
pub(super) fn settings<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Settings;

    impl<'de> Visitor<'de> for Settings {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an object of at most {CONFIG_MAX} texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut settings = BTreeMap::new();
            while let Some((name, value)) = entries.next_entry::<String, String>()? {
                let broken = if settings.len() == CONFIG_MAX {
                    Err(format!("more than {CONFIG_MAX} settings"))
                } else if settings.contains_key(&name) {
                    Err(format!("duplicate setting {:?}", Excerpt::of(&name)))
                } else {
                    check_text(&name, METRIC_NAME_BYTES_MAX, |_| false)
                        .and_then(|()| check_prose(&value, CONFIG_VALUE_BYTES_MAX))
                };
                broken.map_err(A::Error::custom)?;
                settings.insert(name, value);
            }
            Ok(settings)
        }
    }

    deserializer.deserialize_map(Settings)
}

fn check_text(text: &str, bytes_max: usize, also: fn(char) -> bool) -> Result<(), String> {
    if text.is_empty() {
        return Err("empty, leave the field out instead".to_owned());
    }
    check_letters(text, bytes_max, also)
}

/// Like [`check_text`] for a text that may be empty, and may have tabs and line breaks.
fn check_prose(text: &str, bytes_max: usize) -> Result<(), String> {
    check_letters(text, bytes_max, |c| matches!(c, '\n' | '\t'))
}

fn check_letters(text: &str, bytes_max: usize, also: fn(char) -> bool) -> Result<(), String> {
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
