//! Which programs are the fixed sample. Called when the document is written; pure.
//! Must never depend on anything but names and sections: the sample would not be the same twice.

use std::collections::BTreeSet;

use super::judge::Judged;

/// How many programs the sample has.
const SAMPLE: usize = 60;

/// The rule, in words.
pub(super) const RULE: &str = "by name, each program with a kind of section that libbpf knows and \
                               no program before it had; then every so many-th of the others, up \
                               to 60";

/// The places of the sample in `judged`, ascending.
pub(super) fn places(judged: &[Judged]) -> Vec<usize> {
    let sections: Vec<&[String]> = judged.iter().map(|one| one.sections.as_slice()).collect();
    chosen(&sections)
}

fn chosen(sections: &[&[String]]) -> Vec<usize> {
    let mut kinds = BTreeSet::new();
    let mut chosen = BTreeSet::new();
    for (place, sections) in sections.iter().enumerate() {
        let before = kinds.len();
        kinds.extend(sections.iter().map(|section| kind(section)));
        if kinds.len() > before {
            chosen.insert(place);
        }
    }
    let others: Vec<usize> = (0..sections.len())
        .filter(|place| !chosen.contains(place))
        .collect();
    let wanted = SAMPLE.saturating_sub(chosen.len()).min(others.len());
    chosen.extend((0..wanted).map(|number| others[number * others.len() / wanted]));
    chosen.into_iter().collect()
}

/// What a section says before its target.
pub(super) fn kind(section: &str) -> &str {
    let asked = section.trim_start_matches('?');
    asked.split_once('/').map_or(asked, |(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_the_sample_and_it_is_filled_evenly() {
        let sections: Vec<Vec<String>> = (0..200)
            .map(|number| match number {
                7 => vec!["xdp".to_owned()],
                9 => vec!["?tc".to_owned(), "lsm/x".to_owned()],
                _ => vec![format!("kprobe/{number}")],
            })
            .collect();
        let sections: Vec<&[String]> = sections.iter().map(Vec::as_slice).collect();
        let places = chosen(&sections);
        assert_eq!(places.len(), SAMPLE);
        for place in [0, 7, 9] {
            assert!(places.contains(&place));
        }
        let late = places.iter().filter(|place| **place >= 100).count();
        assert!((25..35).contains(&late), "{late}");
        assert_eq!(places, chosen(&sections));
        assert_eq!(chosen(&sections[..5]), [0, 1, 2, 3, 4]);
    }
}
