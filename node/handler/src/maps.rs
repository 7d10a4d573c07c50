//! The maps of a payload's object, as its handler reaches them. Implemented by `node` on the kernel's
//! maps and by `packer test` in memory. Must never give access to a map by anything but its name.

/// What is known of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of a key.
    pub key_bytes: u32,
    /// Bytes of a value as it is read and written, of all CPUs where each has its own.
    pub value_bytes: u32,
}

/// Why an operation on a map failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// There is no map of this name.
    #[error("there is no map {0:?}")]
    Absent(String),
    /// The map is as full as it may be.
    #[error("map {0:?} is full")]
    Full(String),
    /// What the kernel said.
    #[error("map {map:?}: {reason}")]
    Kernel {
        /// Which.
        map: String,
        /// The reason.
        reason: String,
    },
}

/// The maps of one generation.
pub trait Maps: Send + Sync {
    /// What is known of a map of this name.
    ///
    /// # Errors
    /// There is none, or none that entries are in.
    fn shape(&self, map: &str) -> Result<Shape, MapError>;

    /// The value of a key, `None` where there is none.
    ///
    /// # Errors
    /// What the kernel says.
    fn lookup(&self, map: &str, key: &[u8]) -> Result<Option<Vec<u8>>, MapError>;

    /// Sets the value of a key.
    ///
    /// # Errors
    /// What the kernel says.
    fn update(&self, map: &str, key: &[u8], value: &[u8]) -> Result<(), MapError>;

    /// Removes a key; whether it was there.
    ///
    /// # Errors
    /// What the kernel says.
    fn delete(&self, map: &str, key: &[u8]) -> Result<bool, MapError>;

    /// Up to `entries_max` entries behind `after`, or from the first one on: key and value one behind
    /// the other.
    ///
    /// # Errors
    /// What the kernel says.
    fn scan(&self, map: &str, after: Option<&[u8]>, entries_max: u32) -> Result<Vec<u8>, MapError>;
}

/// Of an object that has no maps for its handler.
pub struct NoMaps;

impl NoMaps {
    fn absent<T>(map: &str) -> Result<T, MapError> {
        Err(MapError::Absent(map.to_owned()))
    }
}

impl Maps for NoMaps {
    fn shape(&self, map: &str) -> Result<Shape, MapError> {
        Self::absent(map)
    }

    fn lookup(&self, map: &str, _: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        Self::absent(map)
    }

    fn update(&self, map: &str, _: &[u8], _: &[u8]) -> Result<(), MapError> {
        Self::absent(map)
    }

    fn delete(&self, map: &str, _: &[u8]) -> Result<bool, MapError> {
        Self::absent(map)
    }

    fn scan(&self, map: &str, _: Option<&[u8]>, _: u32) -> Result<Vec<u8>, MapError> {
        Self::absent(map)
    }
}
