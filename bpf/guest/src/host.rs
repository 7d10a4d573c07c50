//! The functions of `node/wit/handler.wit` as the canonical ABI lowers them, and the layouts of their
//! results. Used by every other module; nothing here is safe to call.
//! Must never differ from the WIT: both lanes link these by name and type.

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something may be wrong.
    Warn,
    /// Worth to know.
    Info,
    /// For who looks for a mistake.
    Debug,
}

/// Why the node did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The manifest does not declare it with that right.
    Denied,
    /// There is no such thing, or no longer.
    Absent,
    /// More than the limit of a second, or of a size.
    Limited,
    /// Not of the form that is expected.
    Invalid,
    /// As many series or entries as there may be.
    Full,
    /// What the kernel said is in the node's log.
    Failed,
}

impl Refusal {
    fn of(number: u8) -> Self {
        match number {
            0 => Self::Denied,
            1 => Self::Absent,
            2 => Self::Limited,
            3 => Self::Invalid,
            4 => Self::Full,
            _ => Self::Failed,
        }
    }
}

/// A text, or a list of bytes: where it is, and its length.
pub(crate) type Bytes = [u32; 2];

/// A result that the node writes to its address.
#[derive(Default)]
#[repr(C, align(8))]
pub(crate) struct Answer<const WORDS: usize>([u32; WORDS])
where
    [u32; WORDS]: Default;

/// `result<_, refusal>` and `result<bool, refusal>`
pub(crate) type Small = Answer<1>;
/// `result<u32, refusal>`
pub(crate) type Number = Answer<2>;
/// `list<field>`
pub(crate) type List = Answer<2>;
/// `result<list<u8>, refusal>` and `option<string>`
pub(crate) type Entries = Answer<3>;
/// `result<option<list<u8>>, refusal>`
pub(crate) type Found = Answer<4>;
/// `option<process>`
pub(crate) type MaybeProcess = Answer<12>;

impl<const WORDS: usize> Answer<WORDS>
where
    [u32; WORDS]: Default,
{
    /// Where the node writes it.
    pub(crate) fn at(&mut self) -> u32 {
        address(self.0.as_mut_ptr())
    }

    /// A byte of a word, the lowest first.
    pub(crate) fn byte(&self, word: usize, byte: usize) -> u8 {
        self.0[word].to_le_bytes()[byte]
    }

    /// A word.
    pub(crate) fn word(&self, word: usize) -> u32 {
        self.0[word]
    }

    /// Two words, the lower first.
    pub(crate) fn long(&self, word: usize) -> u64 {
        u64::from(self.0[word]) | u64::from(self.0[word + 1]) << 32
    }

    /// Address and length from a word on.
    pub(crate) fn bytes(&self, word: usize) -> Bytes {
        [self.0[word], self.0[word + 1]]
    }

    /// The refusal at a byte behind the first, where the first says that there is one.
    pub(crate) fn refusal(&self, word: usize, byte: usize) -> Result<(), Refusal> {
        match self.byte(0, 0) {
            0 => Ok(()),
            _ => Err(Refusal::of(self.byte(word, byte))),
        }
    }
}

/// An address as wasm32 has it.
pub(crate) fn address<T>(pointer: *const T) -> u32 {
    // Elsewhere nothing is ever called with it.
    pointer as usize as u32
}

/// Address and length of bytes that are lent to the node for a call.
pub(crate) fn lent(bytes: &[u8]) -> Bytes {
    [address(bytes.as_ptr()), bytes.len() as u32]
}

macro_rules! functions {
    ($($name:literal $function:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "marrow:handler/host@1.0.0")]
        extern "C" {
            $(
                #[link_name = $name]
                pub(crate) fn $function($($argument: $type),*) $(-> $result)?;
            )*
        }

        // So that what does not ask the node can be tested where there is none.
        $(
            #[cfg(not(target_arch = "wasm32"))]
            pub(crate) unsafe fn $function($($argument: $type),*) $(-> $result)? {
                panic!("there is no node to ask for {}{:?}", $name, ($($argument,)*));
            }
        )*
    };
}

functions! {
    "log" log(level: u32, at: u32, length: u32);
    "emit" emit(stream: u32, stream_length: u32, event: u32, event_length: u32, result: u32);
    "series" series(metric: u32, length: u32, labels: u32, labels_count: u32, result: u32);
    "add" add(series: u32, value: u64);
    "set" set(series: u32, value: f64);
    "observe" observe(series: u32, value: f64);
    "map-open" map_open(name: u32, length: u32, result: u32);
    "map-lookup" map_lookup(map: u32, key: u32, key_bytes: u32, result: u32);
    "map-update" map_update(map: u32, key: u32, key_bytes: u32, value: u32, bytes: u32, result: u32);
    "map-delete" map_delete(map: u32, key: u32, key_bytes: u32, result: u32);
    "map-scan" map_scan(map: u32, is_behind: u32, key: u32, bytes: u32, entries: u32, result: u32);
    "now-mono" now_mono() -> u64;
    "now-wall" now_wall() -> u64;
    "config" config(key: u32, length: u32, result: u32);
    "layout" layout(ring: u32, result: u32);
    "process" process(pid: u32, result: u32);
}
