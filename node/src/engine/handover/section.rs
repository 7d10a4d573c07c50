//! What becomes of the variables of a data section. Used by the plan of a hand-over. Must never
//! carry what is read-only, nor a variable that gets its value from outside.

use payload::migrate::{Conversion, same_variables};
use payload::object::{Setting, Variable};

use super::movable::{refuse_loss, too_large};
use super::obstacle::Obstacle;
use super::{Of, Way, Wish};
use crate::engine::migrate::{Move, Terms};

/// How the variables of a section go on, or why they can't.
pub(super) fn way(
    old: Of<'_>,
    new: Of<'_>,
    settings: &[Setting],
    wish: Wish,
) -> Result<Way, Obstacle> {
    let section = new.1.section.as_deref().unwrap_or_default();
    if !is_written(section) {
        return Err(format!("{section}: made anew for each generation").into());
    }
    let in_section = |setting: &&Setting| setting.section == section;
    let here: Vec<&Setting> = settings.iter().filter(in_section).collect();
    if here.is_empty() && same_variables(old, new) {
        return Ok(Way::Shared);
    }
    let is_set = |variable: &Variable| here.iter().any(|setting| is_within(setting, variable));
    let value = Conversion::of_variables(old, new, &is_set);
    refuse_loss(wish, &value)?;
    if value.is_empty() {
        let gone = [value.dropped, value.renewed].concat();
        return Err(format!("nothing of it goes on: {}", gone.join(", ")).into());
    }
    let names = (new.1.name.clone(), old.1.clone(), new.1.clone());
    let terms = Terms::new(Conversion::verbatim(4), value, wish.merge)
        .ok_or_else(|| too_large(wish.merge))?;
    Ok(Way::Moved(Box::new(Move::new(names, terms, wish.carry))))
}

/// Whether programs write to it; `.rodata`, `.kconfig` and kernel operations they don't.
fn is_written(section: &str) -> bool {
    [".bss", ".data"].iter().any(|base| {
        section
            .strip_prefix(base)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn is_within(setting: &Setting, variable: &Variable) -> bool {
    let start = u64::from(setting.offset);
    (variable.offset..variable.offset.saturating_add(variable.bytes)).contains(&start)
}
