//! The maps that handlers of these tests reach: in memory, with keys of four bytes and values of eight.

use std::collections::BTreeMap;
use std::sync::Mutex;

use handler::maps::{MapError, Maps, Shape};

/// Values by the name of the map and the key.
type Entries = BTreeMap<(String, Vec<u8>), Vec<u8>>;

#[derive(Default)]
pub(crate) struct InMemory(Mutex<Entries>);

fn place(map: &str, key: &[u8]) -> (String, Vec<u8>) {
    (map.to_owned(), key.to_owned())
}

impl Maps for InMemory {
    fn shape(&self, _map: &str) -> Result<Shape, MapError> {
        Ok(Shape {
            key_bytes: 4,
            value_bytes: 8,
        })
    }

    fn lookup(&self, map: &str, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        Ok(self.0.lock().unwrap().get(&place(map, key)).cloned())
    }

    fn update(&self, map: &str, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        let mut entries = self.0.lock().unwrap();
        entries.insert(place(map, key), value.to_owned());
        Ok(())
    }

    fn delete(&self, map: &str, key: &[u8]) -> Result<bool, MapError> {
        Ok(self.0.lock().unwrap().remove(&place(map, key)).is_some())
    }

    fn scan(&self, map: &str, after: Option<&[u8]>, entries_max: u32) -> Result<Vec<u8>, MapError> {
        let entries = self.0.lock().unwrap();
        let behind = |key: &[u8]| after.is_none_or(|after| key > after);
        let found = entries.iter();
        let found = found.filter(|((name, key), _)| name == map && behind(key));
        let found = found.take(entries_max as usize);
        Ok(found
            .flat_map(|((_, key), value)| [key.as_slice(), value].concat())
            .collect())
    }
}
