//! Tables and histograms of the SDK for C, against what they should be.

use serde_json::{Value, json};
use tests::dice::Dice;

use super::stage::Driven;
use super::steps::{What, ask, ways_in_c};

/// Entries that the table has room for.
const ROOM: usize = 5;
const OPERATIONS: usize = 10_000;

/// A table as it should be: the key used last stands first.
#[derive(Default)]
struct Model(Vec<(u32, u64)>);

impl Model {
    fn find(&mut self, key: u32) -> Option<u64> {
        let place = self.0.iter().position(|(known, _)| *known == key)?;
        let entry = self.0.remove(place);
        self.0.insert(0, entry);
        Some(entry.1)
    }

    /// What was there, zero where nothing was.
    fn get(&mut self, key: u32, value: u64) -> u64 {
        let before = self.find(key);
        if before.is_none() {
            self.0.truncate(ROOM - 1);
            self.0.insert(0, (key, 0));
        }
        self.0[0].1 = value;
        before.unwrap_or(0)
    }
}

fn value_of(told: &Value) -> Option<u64> {
    told["is_there"]
        .as_bool()
        .unwrap()
        .then(|| told["value"].as_u64().unwrap())
}

#[test]
fn a_table_keeps_the_entries_that_were_used_last() {
    for way in ways_in_c() {
        let (mut driven, mut dice, mut model) = (way.begun(), Dice::of(3), Model::default());
        for operation in 0..OPERATIONS {
            // Some of these fall into the same place of the table.
            let key = u32::try_from(dice.below(9)).unwrap() * 0x0001_0001;
            let value = dice.below(usize::MAX) as u64;
            let told = match dice.below(4) {
                0 => {
                    let told = ask(&mut driven, What::Find, key, 0, b"");
                    assert_eq!(value_of(&told), model.find(key));
                    told
                }
                1 => {
                    model.0.retain(|(known, _)| *known != key);
                    ask(&mut driven, What::Remove, key, 0, b"")
                }
                _ => {
                    let told = ask(&mut driven, What::Get, key, value, b"");
                    assert_eq!(value_of(&told), Some(model.get(key, value)));
                    told
                }
            };
            let keys: Vec<u32> = model.0.iter().map(|(key, _)| *key).collect();
            assert_eq!(told["keys"], json!(keys), "{way:?}: {operation}");
            assert_eq!(told["count"], keys.len());
            if operation % 1000 == 999 {
                // It goes on in another handler.
                let state = driven.snapshot();
                driven = Driven::begun(way.built(), way.mapped, Some(&state));
                let told = ask(&mut driven, What::List, 0, 0, b"");
                assert_eq!(told["keys"], json!(keys), "{way:?}");
            }
        }
    }
}

#[test]
fn a_histogram_has_slots_of_powers_of_two() {
    for way in ways_in_c() {
        let mut driven = way.begun();
        let values = [0, 1, 2, 3, 4, u64::MAX];
        let told = values.map(|value| ask(&mut driven, What::Hist, 0, value, b""));
        let expected = json!({"hist": [2, 2, 1, 0, 0, 0, 0, 1], "half": 3, "most": 255});
        assert_eq!(told[5], expected, "{way:?}");
        assert_eq!(
            told[0],
            json!({"hist": [1], "half": 1, "most": 1}),
            "{way:?}"
        );
    }
}
