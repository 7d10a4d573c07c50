//! Writes BTF bytes by hand: types that no compiler at hand writes, and broken ones. Used by the
//! tests of the parser and of the event decoder. Must never check anything: that is the parser's.

/// Types and strings, growing.
pub(crate) struct Builder {
    pub(crate) types: Vec<u8>,
    pub(crate) strings: Vec<u8>,
    count: u32,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            types: Vec::new(),
            strings: vec![0],
            count: 0,
        }
    }

    /// Adds a string, gives its offset.
    pub(crate) fn text(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    /// Adds a record of raw words, gives its type number.
    pub(crate) fn record(&mut self, name: &str, info: u32, size_or_type: u32, rest: &[u32]) -> u32 {
        let name = self.text(name);
        for word in [name, info, size_or_type].iter().chain(rest) {
            self.types.extend_from_slice(&word.to_le_bytes());
        }
        self.count += 1;
        self.count
    }

    /// An integer; encoding 1 is signed, 2 character, 4 boolean.
    pub(crate) fn int(&mut self, name: &str, bytes: u32, encoding: u32) -> u32 {
        self.record(name, info(1, 0), bytes, &[(encoding << 24) | (bytes * 8)])
    }

    pub(crate) fn array(&mut self, element: u32, count: u32) -> u32 {
        self.record("", info(3, 0), 0, &[element, element, count])
    }

    /// A struct (4) or union (5) of (name, type, bit offset), no bit fields.
    pub(crate) fn composite(
        &mut self,
        kind: u32,
        name: &str,
        bytes: u32,
        members: &[(&str, u32, u32)],
    ) -> u32 {
        let mut words = Vec::new();
        for (name, of, bits) in members {
            words.extend([self.text(name), *of, *bits]);
        }
        self.record(
            name,
            info(kind, u32::try_from(members.len()).unwrap()),
            bytes,
            &words,
        )
    }

    /// The whole BTF.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let types = u32::try_from(self.types.len()).unwrap();
        let strings = u32::try_from(self.strings.len()).unwrap();
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, types, types, strings] {
            bytes.extend_from_slice(&u32::to_le_bytes(word));
        }
        bytes.extend_from_slice(&self.types);
        bytes.extend_from_slice(&self.strings);
        bytes
    }
}

/// An info word without the kind flag.
pub(crate) fn info(kind: u32, vlen: u32) -> u32 {
    kind << 24 | vlen
}

/// The kind flag.
pub(crate) const FLAG: u32 = 1 << 31;
