//! The maps of the payload's own object, as the manifest lets a handler at them. Used by handlers.
//! Must never keep what the node has put into the arena: values are copied, or lent for a closure.

use crate::arena;
use crate::host::{self, lent, Entries, Found, Number, Refusal, Small};

/// A map, for as long as this guest lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map(u32);

impl Map {
    /// The map of this name.
    ///
    /// # Errors
    /// The manifest does not ask for it, or the object has none.
    pub fn open(name: &str) -> Result<Self, Refusal> {
        let mut answer = Number::default();
        let [at, length] = lent(name.as_bytes());
        // SAFETY: the name is lent for the call, and the answer has the room of the result.
        unsafe { host::map_open(at, length, answer.at()) };
        answer.refusal(1, 0)?;
        Ok(Self(answer.word(1)))
    }

    /// Copies the value of a key, where there is one; whether there is.
    ///
    /// # Errors
    /// The key or the value is of another size than the map's.
    pub fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<bool, Refusal> {
        let (mark, mut answer) = (arena::mark(), Found::default());
        let [at, length] = lent(key);
        // SAFETY: the key is lent for the call, and the answer has the room of the result.
        unsafe { host::map_lookup(self.0, at, length, answer.at()) };
        answer.refusal(1, 0)?;
        if answer.byte(1, 0) == 0 {
            return Ok(false);
        }
        // SAFETY: the node has just written it, and no room is asked for meanwhile.
        let found = unsafe { arena::given(answer.bytes(2)) };
        let fits = found.len() == value.len();
        if fits {
            value.copy_from_slice(found);
        }
        arena::release(mark);
        if fits {
            Ok(true)
        } else {
            Err(Refusal::Invalid)
        }
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// There is no right to it, no room, or the sizes are others.
    pub fn update(&self, key: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let mut answer = Small::default();
        let ([at, length], [value_at, value_length]) = (lent(key), lent(value));
        // SAFETY: key and value are lent for the call, and the answer has the room of the result.
        unsafe { host::map_update(self.0, at, length, value_at, value_length, answer.at()) };
        answer.refusal(0, 1)
    }

    /// Removes a key; whether it was there.
    ///
    /// # Errors
    /// There is no right to it, or the size is another.
    pub fn delete(&self, key: &[u8]) -> Result<bool, Refusal> {
        let mut answer = Small::default();
        let [at, length] = lent(key);
        // SAFETY: the key is lent for the call, and the answer has the room of the result.
        unsafe { host::map_delete(self.0, at, length, answer.at()) };
        answer.refusal(0, 1)?;
        Ok(answer.byte(0, 1) != 0)
    }

    /// Gives up to so many entries behind a key, or the first ones, to a closure: key and value one
    /// behind the other. No bytes are the map's end.
    ///
    /// # Errors
    /// The key is of another size.
    pub fn scan<R>(
        &self,
        behind: Option<&[u8]>,
        entries_max: u32,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Refusal> {
        let (mark, mut answer) = (arena::mark(), Entries::default());
        let [at, length] = lent(behind.unwrap_or_default());
        let is_behind = u32::from(behind.is_some());
        // SAFETY: the key is lent for the call, and the answer has the room of the result.
        unsafe { host::map_scan(self.0, is_behind, at, length, entries_max, answer.at()) };
        answer.refusal(1, 0)?;
        // SAFETY: the node has just written them.
        let taken = take(unsafe { arena::given(answer.bytes(1)) });
        arena::release(mark);
        Ok(taken)
    }
}
