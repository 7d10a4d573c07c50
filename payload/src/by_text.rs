//! Serde for types that are their text. Used by names, digests, keys, architectures, kernel versions.
//! Must never be given to a type that reads more than one spelling.

/// `Serialize` as `Display` writes, `Deserialize` as `FromStr` reads.
macro_rules! serde_by_text {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

pub(crate) use serde_by_text;
