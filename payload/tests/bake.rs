//! Values written into an object are found by the next inspection, and nothing else changes.

use payload::object::{BakeError, bake, inspect};

const OBJECT: &[u8] = include_bytes!("golden/legacy/exec.bpf.o");

#[test]
fn a_baked_value_is_the_variables_default() {
    let object = inspect(OBJECT).unwrap();
    let setting = object.set(".rodata", "only_pid", "4711").unwrap();
    let baked = bake(OBJECT, &[setting]).unwrap();
    let inspected = inspect(&baked).unwrap();
    let only_pid = inspected
        .globals
        .iter()
        .find(|global| global.name == "only_pid")
        .unwrap();
    assert_eq!(only_pid.default, 4711_u32.to_le_bytes());
    let changed = OBJECT
        .iter()
        .zip(&baked)
        .filter(|(one, other)| one != other);
    assert_eq!(changed.count(), 2);
    assert_eq!(baked.len(), OBJECT.len());
}

#[test]
fn bss_takes_zeroes_only() {
    let object = inspect(OBJECT).unwrap();
    let zero = object.set(".bss", "seen", "0").unwrap();
    assert_eq!(bake(OBJECT, &[zero]).unwrap(), OBJECT);
    let one = object.set(".bss", "seen", "1").unwrap();
    let offset = one.offset;
    let section = ".bss".to_owned();
    assert_eq!(
        bake(OBJECT, &[one]),
        Err(BakeError::NoBytes { section, offset })
    );
}

#[test]
fn what_is_no_object_is_refused() {
    assert!(matches!(
        bake(b"\x7fELF", &[]),
        Err(BakeError::NotElf { .. })
    ));
}
