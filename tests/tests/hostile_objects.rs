//! Broken objects: cut short, bits flipped, numbers replaced. The inspection and the cut answer or
//! refuse, they never panic. The fuzz target runs for `MARROW_FUZZ_SECONDS`, from a fixed seed.

use std::time::{Duration, Instant};

use anyhow::Result;
use payload::btf::Btf;
use payload::btf::cut::cut;
use payload::object::{inspect, type_name};
use tests::corpus;
use tests::dice::Dice;

/// How long the fuzz target runs when nobody says.
const SECONDS: u64 = 1;
/// Numbers that have broken readers of ELF and BTF before.
const NUMBERS: [u32; 12] = [
    0,
    1,
    7,
    0x7f,
    0xff,
    0xffff,
    0x0010_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff8,
    0xffff_fffe,
    0xffff_ffff,
];

/// Does with an object all that programs do with it; gives whether it was accepted.
fn look_at(bytes: &[u8], kernel: &Btf) -> bool {
    let Ok(object) = inspect(bytes) else {
        return false;
    };
    let _ = (
        object.needs(),
        object.privileges(),
        object.reads_registers(),
    );
    let _ = cut(&object, kernel);
    if let Some(btf) = &object.btf {
        let types = object
            .maps
            .iter()
            .flat_map(|map| [map.key_type, map.value_type]);
        for id in types
            .flatten()
            .chain(object.globals.iter().filter_map(|g| g.type_id))
        {
            let _ = (type_name(btf, id), btf.size_of(id));
        }
    }
    true
}

/// Types to cut: those of an object stand in for a kernel's, which would take too long to mutate.
fn kernel() -> Result<Btf> {
    let object = inspect(&corpus::object("core_types")?)?;
    object
        .btf
        .ok_or_else(|| anyhow::anyhow!("core_types has no BTF"))
}

#[test]
fn no_length_is_too_short_to_refuse() -> Result<()> {
    let kernel = kernel()?;
    let bytes = corpus::object("several_rings")?;
    for length in 0..bytes.len() {
        look_at(&bytes[..length], &kernel);
    }
    Ok(())
}

#[test]
fn no_flipped_bit_panics() -> Result<()> {
    let kernel = kernel()?;
    let mut bytes = corpus::object("no_map")?;
    let mut refused = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            refused += u32::from(!look_at(&bytes, &kernel));
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(refused > 100, "only {refused} flips were noticed");
    Ok(())
}

#[test]
fn objects_may_lie_at_odd_addresses() -> Result<()> {
    let bytes = corpus::object("several_rings")?;
    for shift in 1..8 {
        let mut shifted = vec![0; shift];
        shifted.extend(&bytes);
        assert!(inspect(&shifted[shift..]).is_ok(), "{shift}");
    }
    Ok(())
}

fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(6) {
        let length = bytes.len();
        let at = dice.below(length);
        match dice.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, 0),
            2 => {
                let from = dice.below(length);
                let until = (from + dice.below(64)).min(length);
                let piece = bytes[from..until].to_vec();
                bytes.splice(at..at, piece);
            }
            3 | 4 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            _ => {
                // Numbers are aligned in ELF and in BTF.
                let number = NUMBERS[dice.below(NUMBERS.len())].to_le_bytes();
                let at = at & !3;
                if let Some(four) = bytes.get_mut(at..at + 4) {
                    four.copy_from_slice(&number);
                }
            }
        }
    }
}

#[test]
fn fuzz_object_inspection() -> Result<()> {
    let kernel = kernel()?;
    let objects: Vec<_> = corpus::names()?
        .iter()
        .map(|name| corpus::object(name))
        .collect::<Result<_>>()?;
    let seconds = std::env::var("MARROW_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let deadline = Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS));
    let mut dice = Dice::of(0x9e37_79b9_7f4a_7c15);
    let (mut tried, mut accepted) = (0_u64, 0_u64);
    while Instant::now() < deadline {
        let mut bytes = objects[dice.below(objects.len())].clone();
        mutate(&mut bytes, &mut dice);
        accepted += u64::from(look_at(&bytes, &kernel));
        tried += 1;
    }
    println!("{tried} objects, {accepted} accepted");
    Ok(())
}
