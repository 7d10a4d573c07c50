//! Data sections of two objects: variables that both have, by name. Called by the node where a
//! section changed. Must never take BTF's word for where a variable is: the symbol table's counts.

use std::collections::BTreeMap;

use super::Conversion;
use super::between::{Pairs, Part};
use super::step::Step;
use crate::btf::Btf;
use crate::btf::agree::agree;
use crate::object::{Map, Object, Variable};

/// An object and one of its data sections.
pub type Section<'object> = (&'object Object, &'object Map);

impl Conversion {
    /// The way from the variables of one data section to those of another. A variable goes on where
    /// both objects have one of its name and the type of the one becomes that of the other; one
    /// whose initial value differs, and one that `is_set` says has got its value, begins with that.
    /// What does not go on is listed.
    #[must_use]
    pub fn of_variables(
        old: Section<'_>,
        new: Section<'_>,
        is_set: &dyn Fn(&Variable) -> bool,
    ) -> Self {
        let (old_variables, new_variables) = (by_name(old), by_name(new));
        let mut all = Self {
            steps: Vec::new(),
            bytes: usize::try_from(new.1.value_size).unwrap_or(0),
            dropped: Vec::new(),
            renewed: Vec::new(),
            added: Vec::new(),
        };
        for (name, old_variable) in &old_variables {
            let Some(new_variable) = new_variables.get(name) else {
                all.dropped.push(name.clone());
                continue;
            };
            if is_set(new_variable) {
                all.renewed
                    .push(format!("{name} (its value is set from outside)"));
            } else if default(old, old_variable) == default(new, new_variable) {
                all.one(
                    old.0.btf.as_ref(),
                    new.0.btf.as_ref(),
                    old_variable,
                    new_variable,
                );
            } else {
                all.renewed
                    .push(format!("{name} (its initial value changed)"));
            }
        }
        let added = new_variables
            .keys()
            .filter(|name| !old_variables.contains_key(*name));
        all.added.extend(added.cloned());
        all
    }

    fn one(&mut self, was: Option<&Btf>, is: Option<&Btf>, old: &Variable, new: &Variable) {
        let typed = was.zip(is).zip(old.type_id.zip(new.type_id));
        let Some(((was, is), (old_type, new_type))) = typed else {
            let place = (usize::try_from(old.offset), usize::try_from(new.offset));
            let bytes = usize::try_from(old.bytes);
            match (place, bytes) {
                ((Ok(from), Ok(to)), Ok(bytes)) if old.bytes == new.bytes => {
                    self.steps.push(Step::Copy { from, to, bytes });
                }
                _ => self.dropped.push(format!(
                    "{} (it had {} bytes, has {})",
                    old.name, old.bytes, new.bytes
                )),
            }
            return;
        };
        let part = |of, variable: &Variable| Part {
            of,
            at: variable.offset.saturating_mul(8),
            bit_field_bits: 0,
        };
        let mut pairs = Pairs::new(was, is);
        match pairs.part(&old.name, part(old_type, old), part(new_type, new)) {
            Ok(()) => {
                let one = pairs.compiled(0);
                self.steps.extend(one.steps);
                self.dropped.extend(one.dropped);
                self.added.extend(one.added);
            }
            Err(reason) => self.dropped.push(format!("{} ({reason})", old.name)),
        }
    }
}

/// Whether two data sections hold the same variables at the same places with the same initial
/// values, so that the one's memory can go on as the other's.
#[must_use]
pub fn same_variables(old: Section<'_>, new: Section<'_>) -> bool {
    let (was, is) = (old.0.variables(old.1), new.0.variables(new.1));
    let same = |was: &Variable, is: &Variable| {
        let types = match (&old.0.btf, &new.0.btf, was.type_id, is.type_id) {
            (Some(old), Some(new), Some(was), Some(is)) => agree((old, was), (new, is)),
            (_, _, was, is) => was.is_none() && is.is_none(),
        };
        (&was.name, was.offset, was.bytes) == (&is.name, is.offset, is.bytes)
            && types
            && default(old, was) == default(new, is)
    };
    old.1.value_size == new.1.value_size
        && old.1.flags == new.1.flags
        && was.len() == is.len()
        && was.iter().zip(&is).all(|(was, is)| same(was, is))
}

/// Variables by name, but for names that several static ones of a section share.
fn by_name((object, map): Section<'_>) -> BTreeMap<String, Variable> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let variables = object.variables(map);
    for variable in &variables {
        *counts.entry(variable.name.clone()).or_default() += 1;
    }
    let alone = |variable: &Variable| counts.get(&variable.name) == Some(&1);
    let single = variables.into_iter().filter(alone);
    single
        .map(|variable| (variable.name.clone(), variable))
        .collect()
}

/// The bytes it begins with, zeroes at their end left out.
fn default<'object>((object, map): Section<'object>, variable: &Variable) -> &'object [u8] {
    let global = object.globals.iter().find(|global| {
        global.name == variable.name
            && Some(&global.section) == map.section.as_ref()
            && u64::from(global.offset) == variable.offset
    });
    let bytes = global.map_or(&[][..], |global| &global.default);
    let end = bytes.iter().rposition(|byte| *byte != 0);
    end.and_then(|end| bytes.get(..=end)).unwrap_or_default()
}
