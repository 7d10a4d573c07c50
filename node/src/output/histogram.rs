//! A histogram as text: ranges of values, counts, bars. Used by the output of `node maps`.
//! Must never draw nothing for a count that is not 0.

use std::fmt::Write;

use api::node::{Histogram, Scale as Shown};
use payload::histogram::Scale;

use super::table::clean;

/// The longest bar: with ranges and counts a line of usual numbers has less than 80 characters.
const BAR_CHARS: u64 = 40;

/// A histogram, a line a slot from the first to the last that counted something.
pub(super) fn draw(histogram: &Histogram) -> String {
    let used = |count: &u64| *count != 0;
    let slots = &histogram.slots;
    let (Some(first), Some(last)) = (slots.iter().position(used), slots.iter().rposition(used))
    else {
        return "  nothing counted yet\n".to_owned();
    };
    let ranges: Vec<(String, String)> = (first..=last)
        .map(|slot| range(histogram, slot, slot + 1 == slots.len()))
        .collect();
    let counts = slots.get(first..=last).unwrap_or_default();
    let unit = clean(histogram.unit.as_deref().unwrap_or("value"));
    let lows = chars(ranges.iter().map(|(low, _)| low));
    let highs = chars(ranges.iter().map(|(_, high)| high));
    let range_chars = if highs == 0 { lows } else { lows + 4 + highs };
    let range_chars = range_chars.max(unit.chars().count());
    let numbers: Vec<String> = counts.iter().map(u64::to_string).collect();
    let count_chars = chars(numbers.iter()).max("count".len());
    let mut text = format!("  {unit:^range_chars$}  {:>count_chars$}\n", "count");
    let most = counts.iter().copied().max().unwrap_or(1);
    for (((low, high), number), count) in ranges.iter().zip(&numbers).zip(counts) {
        let arrow = if high.is_empty() { "" } else { " -> " };
        let range = format!("{low:>lows$}{arrow}{high:<highs$}");
        let bar = "*".repeat(bar_chars(*count, most));
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "  {range:<range_chars$}  {number:>count_chars$} |{bar:<40}|"
        );
    }
    let total = counts.iter().map(|count| u128::from(*count)).sum::<u128>();
    let _ = writeln!(text, "  {:<range_chars$}  {total:>count_chars$}", "total");
    text
}

/// The lowest and the highest value of a slot; the second is empty where both are the same.
fn range(histogram: &Histogram, slot: usize, is_last: bool) -> (String, String) {
    let scale = match histogram.scale {
        Shown::Log2 => Scale::Log2,
        Shown::Linear => Scale::Linear {
            step: histogram.step.max(1),
        },
    };
    let (low, high) = scale.range(u32::try_from(slot).unwrap_or(u32::MAX));
    let high = if is_last {
        "...".to_owned()
    } else if low == high {
        String::new()
    } else {
        high.to_string()
    };
    (low.to_string(), high)
}

fn chars<'t>(texts: impl Iterator<Item = &'t String>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

/// Characters of a bar: all for the highest count, at least one for any.
fn bar_chars(count: u64, most: u64) -> usize {
    let part = u128::from(count) * u128::from(BAR_CHARS) / u128::from(most.max(1));
    let least = usize::from(count != 0);
    usize::try_from(part).unwrap_or(0).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(scale: Shown, step: u64, unit: Option<&str>, slots: &[u64]) -> Histogram {
        Histogram {
            field: String::new(),
            scale,
            step,
            unit: unit.map(str::to_owned),
            slots: slots.to_vec(),
        }
    }

    #[test]
    fn powers_of_two_are_drawn_from_the_first_to_the_last_count() {
        let text = draw(&histogram(
            Shown::Log2,
            0,
            Some("us"),
            &[0, 0, 3, 0, 400, 1, 0, 0],
        ));
        let expected = "     us     count\n\
            \x20  4 -> 7       3 |*                                       |\n\
            \x20  8 -> 15      0 |                                        |\n\
            \x20 16 -> 31    400 |****************************************|\n\
            \x20 32 -> 63      1 |*                                       |\n\
            \x20 total       404\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_last_slot_has_no_upper_end() {
        let text = draw(&histogram(Shown::Linear, 10, None, &[1, 2]));
        let expected = "    value    count\n\
            \x20  0 -> 9        1 |********************                    |\n\
            \x20 10 -> ...      2 |****************************************|\n\
            \x20 total          3\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn slots_of_one_value_show_it_once() {
        let text = draw(&histogram(Shown::Linear, 1, Some("cpus"), &[0, 5, 5, 0]));
        let expected = "  cpus  count\n\
            \x20 1         5 |****************************************|\n\
            \x20 2         5 |****************************************|\n\
            \x20 total     10\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn nothing_is_not_a_picture() {
        let text = draw(&histogram(Shown::Log2, 0, None, &[0, 0]));
        assert_eq!(text, "  nothing counted yet\n");
        let most = draw(&histogram(Shown::Log2, 0, None, &[u64::MAX, u64::MAX]));
        assert!(most.contains("36893488147419103230"), "{most}");
    }

    #[test]
    fn a_unit_from_outside_steers_no_terminal() {
        let text = draw(&histogram(Shown::Log2, 0, Some("\u{1b}[2J"), &[1, 0]));
        assert!(!text.contains('\u{1b}'));
    }
}
