//! The payload file and its envelope from outside: golden files, round trips, flipped bits, hostile
//! files. Run by `cargo test`. Must never write a golden file: those are made once and kept.

#[cfg(test)]
#[path = "format/build.rs"]
mod build;
#[cfg(test)]
#[path = "format/document.rs"]
mod document;
#[cfg(test)]
#[path = "format/flip.rs"]
mod flip;
#[cfg(test)]
#[path = "format/golden.rs"]
mod golden;
#[cfg(test)]
#[path = "format/handler.rs"]
mod handler;
#[cfg(test)]
#[path = "format/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "format/round_trip.rs"]
mod round_trip;
#[cfg(test)]
#[path = "format/words.rs"]
mod words;
