//! The migration of a map: entries are copied into the new generation's map while it is prepared,
//! and what the old generation wrote since is joined when it writes no more. Used by `prepare`, and
//! by `running` behind the flip. Must never touch a map that programs write to but by `join`.

mod changes;
mod join;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use api::node::{MapProof, Migrated};
use payload::manifest::{Carry, Merge};
use payload::migrate::{Conversion, Number};
use payload::object::{Map, MapKind};

use super::ApplyError;
use super::proof::micros;
use crate::kernel::carried::{CarriedMap, Inserted};
use crate::kernel::join::{Joiner, NUMBERS_MAX, Shape};
use crate::kernel::load::Loaded;

/// Entries of one map that are copied.
const ENTRIES_MAX: usize = 1 << 20;
/// Bytes of keys and values that are copied of one map, those of all CPUs counted.
const BYTES_MAX: usize = 64 << 20;

/// How entries become those of another map, and how two writes become one.
pub(super) struct Terms {
    key: Conversion,
    /// What a key was, where some of its values have no room in the other layout.
    key_was: Option<Conversion>,
    value: Conversion,
    merge: Merge,
    /// What is added where both write.
    numbers: Vec<Number>,
    /// Not zero where a value's bytes are carried and are no number to be added.
    rest: Vec<u8>,
    shape: Option<Shape>,
}

impl Terms {
    /// `None` where numbers were to be added to values that are too large for that.
    pub(super) fn new(key: Conversion, value: Conversion, merge: Merge) -> Option<Self> {
        let numbers = match merge {
            Merge::Add => value.numbers(NUMBERS_MAX),
            Merge::None | Merge::Replace => Vec::new(),
        };
        let mut rest = value.written();
        let places: Vec<_> = numbers.iter().map(|one| (one.to, one.to_bytes)).collect();
        let shape = Shape::new(key.bytes(), &places, &rest);
        if shape.is_none() && merge == Merge::Add {
            return None;
        }
        for (at, bytes) in places {
            if let Some(number) = rest.get_mut(at..at.saturating_add(bytes)) {
                number.fill(0);
            }
        }
        Some(Self {
            key,
            key_was: None,
            value,
            merge,
            numbers,
            rest,
            shape,
        })
    }

    /// The same for keys of which `was` tells whether they came through whole.
    fn one_to_one(self, was: Conversion) -> Self {
        Self {
            key_was: Some(was),
            ..self
        }
    }

    /// The key in the other layout, or `None` where it has no room there.
    fn key(&self, key: &[u8]) -> Option<Vec<u8>> {
        let converted = self.key.convert(key);
        let whole = |was: &Conversion| was.convert(&converted) == key;
        self.key_was.as_ref().is_none_or(whole).then_some(converted)
    }

    /// Whether two values of the new layout differ in what is carried and not added.
    fn rest_differs(&self, one: &[u8], other: &[u8]) -> bool {
        let bytes = one.iter().zip(other).zip(&self.rest);
        bytes
            .into_iter()
            .any(|((one, other), carried)| *carried != 0 && one != other)
    }
}

/// A map whose entries are to be brought into another of its name.
pub(super) struct Move {
    map: String,
    old: Map,
    new: Map,
    terms: Terms,
    carry: Carry,
}

/// A key's values on both sides as they were when they were copied.
#[derive(Clone)]
struct Copied {
    source: Vec<Vec<u8>>,
    target: Vec<Vec<u8>>,
}

/// A map whose entries have been copied and go on being written.
pub(super) struct Migration {
    map: String,
    source: CarriedMap,
    target: CarriedMap,
    terms: Terms,
    joiner: Option<Joiner>,
    source_kind: MapKind,
    target_kind: MapKind,
    /// A value of the new map that nothing was carried into.
    base: Vec<u8>,
    /// By the old map's keys; of arrays only what was not zero.
    copied: HashMap<Vec<u8>, Copied>,
}

impl Move {
    /// Of the map of this name, as it was and as it is.
    pub(super) fn new((map, old, new): (String, Map, Map), terms: Terms, carry: Carry) -> Self {
        Self {
            map,
            old,
            new,
            terms,
            carry,
        }
    }

    fn failed(&self, source: io::Error) -> ApplyError {
        ApplyError::machine(&format!("migrating map {}", self.map), source)
    }

    fn proof(&self) -> Migrated {
        let (merge, value) = (self.terms.merge, &self.terms.value);
        Migrated {
            merge: format!("{merge:?}").to_lowercase(),
            dropped: value.dropped.clone(),
            renewed: value.renewed.clone(),
            added: value.added.clone(),
            ..Migrated::default()
        }
    }
}

/// Copies the entries of every map that moves, and completes the proofs with what was copied.
/// Nothing that runs is changed.
///
/// # Errors
/// [`ApplyError::Carry`] where more has to go on than is copied or than there is room for,
/// [`ApplyError::Machine`] where the kernel refuses a step.
pub(super) fn begin(
    moves: Vec<Move>,
    (old, new): (&Loaded, &Loaded),
    proofs: &mut [MapProof],
) -> Result<Vec<Migration>, ApplyError> {
    let mut migrations = Vec::with_capacity(moves.len());
    for moved in moves {
        let started = Instant::now();
        let (mut proof, name) = (moved.proof(), moved.map.clone());
        let carry = moved.carry;
        let begun = copy(moved, old, new)?;
        let Some(told) = proofs.iter_mut().find(|told| told.map == name) else {
            continue;
        };
        if let Some(migration) = begun {
            proof.entries = count(migration.copied.len());
            proof.copy_us = micros(started.elapsed());
            told.migrated = Some(proof);
            migrations.push(migration);
        } else if carry == Carry::Require {
            return Err(refused(&name, too_much()));
        } else {
            "fresh".clone_into(&mut told.hand_over);
            told.reason = Some(too_much());
        }
    }
    Ok(migrations)
}

/// Joins what the old generation wrote since its entries were copied. It must write no more.
///
/// # Errors
/// [`ApplyError::Machine`] for the first map of which the kernel refused a step.
pub(super) fn end(migrations: &[Migration], proofs: &mut [MapProof]) -> Result<(), ApplyError> {
    for migration in migrations {
        let started = Instant::now();
        let what = || format!("joining map {}", migration.map);
        let joined = migration
            .join()
            .map_err(|source| ApplyError::machine(&what(), source))?;
        let told = proofs.iter_mut().find(|told| told.map == migration.map);
        if let Some(proof) = told.and_then(|told| told.migrated.as_mut()) {
            proof.entries += joined.inserted;
            proof.conflicts = joined.conflicts;
            proof.lost = joined.lost;
            proof.join_us = micros(started.elapsed());
        }
    }
    Ok(())
}

/// What a proof tells of a way back before it is ended.
pub(super) fn way_back(migration: &Migration) -> Migrated {
    Migrated {
        merge: format!("{:?}", migration.terms.merge).to_lowercase(),
        ..Migrated::default()
    }
}

/// The ways back of migrations that have ended, while the old generation's maps stand still. Of a map
/// without one the old generation finds what it had left.
pub(super) fn ways_back(migrations: Vec<Migration>) -> Vec<Migration> {
    let turned = migrations.into_iter().map(Migration::turned);
    turned.filter_map(Result::ok).collect()
}

impl Migration {
    /// Whether it is that of the map of this name.
    pub(super) fn is_of(&self, map: &str) -> bool {
        self.map == map
    }
}

/// Copies one map, or nothing where there is more than is copied.
fn copy(mut moved: Move, old: &Loaded, new: &Loaded) -> Result<Option<Migration>, ApplyError> {
    let source = CarriedMap::of(old, &moved.old).map_err(|error| moved.failed(error))?;
    let target = CarriedMap::of(new, &moved.new).map_err(|error| moved.failed(error))?;
    let is_array = matches!(moved.new.kind, MapKind::ARRAY | MapKind::PERCPU_ARRAY);
    let base = match moved.new.section {
        // What the variables begin with.
        Some(_) => initial(&target),
        None => Ok(vec![0; target.value_bytes()]),
    };
    let base = base.map_err(|error| moved.failed(error))?;
    let shape = moved.terms.shape.take();
    let joiner = shape.map(|shape| Joiner::new(&target, shape)).transpose();
    let joiner = joiner.map_err(|error| moved.failed(error))?;
    let keep_zeroes = !is_array || moved.new.section.is_some();
    let read = read(&source, (&moved.terms, &base), keep_zeroes);
    let Some(copied) = read.map_err(|error| moved.failed(error))? else {
        return Ok(None);
    };
    for (key, copied) in &copied {
        let put = target.put(&moved.terms.key.convert(key), &copied.target);
        if put.map_err(|error| moved.failed(error))? == Inserted::Full {
            let reason = "it has more entries than there is room for".to_owned();
            return Err(refused(&moved.map, reason));
        }
    }
    Ok(Some(Migration {
        map: moved.map,
        source,
        target,
        terms: moved.terms,
        joiner,
        source_kind: moved.old.kind,
        target_kind: moved.new.kind,
        base,
        copied,
    }))
}

fn initial(section: &CarriedMap) -> io::Result<Vec<u8>> {
    let values = section.get(&0_u32.to_ne_bytes())?.unwrap_or_default();
    let value = values.into_iter().next();
    value.ok_or_else(|| io::Error::other("the map of the section has no value"))
}

/// Every entry and what it becomes, or `None` where a bound ends it.
fn read(
    source: &CarriedMap,
    (terms, base): (&Terms, &[u8]),
    keep_zeroes: bool,
) -> io::Result<Option<HashMap<Vec<u8>, Copied>>> {
    let mut copied = HashMap::new();
    let mut left = BYTES_MAX;
    let whole = source.each(|key, values| {
        let zeroes = values.iter().flatten().all(|byte| *byte == 0);
        if zeroes && !keep_zeroes {
            return Ok(true);
        }
        let target = Copied::targets(terms, base, &values);
        let bytes: usize = values.iter().chain(&target).map(Vec::len).sum();
        let rest = left.checked_sub(bytes.saturating_add(key.len()));
        let (Some(rest), true) = (rest, copied.len() < ENTRIES_MAX) else {
            return Ok(false);
        };
        left = rest;
        let source = values;
        copied.insert(key.to_vec(), Copied { source, target });
        Ok(true)
    })?;
    Ok(whole.then_some(copied))
}

impl Copied {
    /// What values become over `base`.
    fn targets(terms: &Terms, base: &[u8], values: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let over_base = |value: &Vec<u8>| {
            let mut target = base.to_vec();
            terms.value.onto(value, &mut target);
            target
        };
        values.iter().map(over_base).collect()
    }

    /// An entry that was not there, or held zeroes.
    fn nothing(values: &[Vec<u8>], base: &[u8]) -> Self {
        Self {
            source: values.iter().map(|value| vec![0; value.len()]).collect(),
            target: values.iter().map(|_| base.to_vec()).collect(),
        }
    }
}

fn too_much() -> String {
    format!(
        "it has more than {ENTRIES_MAX} entries or {BYTES_MAX} bytes, or is written faster than it \
         can be read"
    )
}

fn refused(map: &str, reason: String) -> ApplyError {
    ApplyError::Carry {
        map: map.to_owned(),
        reason,
        layouts: None,
    }
}

fn count(entries: usize) -> u64 {
    u64::try_from(entries).unwrap_or(u64::MAX)
}
