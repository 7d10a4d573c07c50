//! Whether a text is one JSON object, without building it. Called for each output.
//! Must never accept what a strict reader refuses: sinks pass it on as it is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The object without white space around it, `None` where it is none. It may be nested as deep as
/// `serde_json` reads.
pub(super) fn object(text: &str) -> Option<&str> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let is_object = text.starts_with('{') && serde_json::from_str::<Anything>(text).is_ok();
    is_object.then_some(text)
}

/// Any value, read and forgotten.
struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_taken_without_what_is_around_them() {
        let event = r#"{"a":[1,-2,3.5e3,null,true,{"b":"\u00e4\ud83d\ude00"}],"":{}}"#;
        assert_eq!(object(&format!(" \r\n\t{event}\n")), Some(event));
        assert_eq!(object("{ }"), Some("{ }"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        for text in [
            "",
            " ",
            "[]",
            "1",
            "\"{}\"",
            "null",
            "{",
            "}",
            "{}{}",
            "{},",
            "{a:1}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":1e999}",
            "{\"a\":01}",
            "{1:1}",
            "{\"a\":NaN}",
            "\u{feff}{}",
            "{}\u{0}",
            &deep,
        ] {
            assert_eq!(object(text), None, "{text:?}");
        }
    }
}
