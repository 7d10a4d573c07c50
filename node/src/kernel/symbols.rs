//! Names of kernel addresses, from the kernel's own list. Used for stack traces in maps.
//! Must never show an address as a name that the kernel did not tell: where it hides its
//! addresses, there are no names.

use std::fs::File;
use std::io::Read;

/// Where the kernel lists its symbols; addresses read as 0 without the right to see them.
const LIST: &str = "/proc/kallsyms";
/// Bytes of the list that are read. Large kernels with all modules have about 20 MB.
const LIST_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a line before the name: 16 digits, a letter, a space behind each.
const HEAD_BYTES: usize = 19;
/// Where the kernel's half of the address space begins, on every 64-bit architecture.
const KERNEL_FROM: u64 = 1 << 63;

/// The kernel's symbols, by address.
pub(crate) struct Symbols {
    text: String,
    /// Address, and where the name stands in the text.
    places: Vec<(u64, std::ops::Range<usize>)>,
}

impl Symbols {
    /// Reads the list; empty where it can't be read.
    pub(crate) fn read() -> Self {
        let mut text = String::new();
        let list = File::open(LIST).map(|file| file.take(LIST_BYTES_MAX));
        if list
            .and_then(|mut list| list.read_to_string(&mut text))
            .is_err()
        {
            text.clear();
        }
        Self::parse(text)
    }

    /// Lines of `address type name [module]`.
    pub(crate) fn parse(text: String) -> Self {
        let mut places = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let mut words = line.trim_end().splitn(3, ' ');
            let address = words
                .next()
                .and_then(|word| u64::from_str_radix(word, 16).ok());
            let function = matches!(words.next(), Some("t" | "T" | "w" | "W"));
            // A module's name stands behind a tab.
            let name = words.next().and_then(|rest| rest.split('\t').next());
            if let (Some(address @ KERNEL_FROM..), true, Some(name)) = (address, function, name) {
                let from = at + HEAD_BYTES;
                places.push((address, from..from + name.len()));
            }
            at += line.len();
        }
        places.sort_by_key(|(address, _)| *address);
        Self { text, places }
    }

    /// `do_exit+0x1f`: the function that an address of the kernel is in.
    pub(crate) fn name(&self, address: u64) -> Option<String> {
        if address < KERNEL_FROM {
            return None;
        }
        let behind = self.places.partition_point(|(at, _)| *at <= address);
        let (at, place) = self.places.get(behind.checked_sub(1)?)?;
        let name = self.text.get(place.clone())?;
        Some(format!("{name}+{:#x}", address - at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0000000000000010 A fixed_percpu\n\
        ffffffff81000100 T second\n\
        ffffffff81000000 t t\n\
        ffffffff82000000 D some_variable\n\
        ffffffffc0000000 t in_module\t[mod]\n";

    #[test]
    fn an_address_is_named_by_the_function_it_is_in() {
        let symbols = Symbols::parse(TEXT.to_owned());
        let name = |address| symbols.name(address);
        assert_eq!(name(0xffff_ffff_8100_0000).as_deref(), Some("t+0x0"));
        assert_eq!(name(0xffff_ffff_8100_00ff).as_deref(), Some("t+0xff"));
        assert_eq!(name(0xffff_ffff_8100_0120).as_deref(), Some("second+0x20"));
        assert_eq!(
            name(0xffff_ffff_c000_0001).as_deref(),
            Some("in_module+0x1")
        );
        assert_eq!((name(0x40_0000), name(0xffff_8000_0000_0000)), (None, None));
    }

    #[test]
    fn a_kernel_that_hides_its_addresses_names_nothing() {
        let hidden = "0000000000000000 T do_exit\n".to_owned();
        assert_eq!(Symbols::parse(hidden).name(0xffff_ffff_8100_0000), None);
    }
}
