//! Fuzz targets on stable Rust, one a decoder: mutations of a committed corpus, for
//! `MARROW_FUZZ_SECONDS` (1 in `cargo test`, 30 in `cargo xtask check`) from `MARROW_FUZZ_SEED`.
//! A failure prints the input; `MARROW_FUZZ_INPUT` with its base64 runs that input alone.
//! Must never accept a target that only looks for panics where it can check an invariant.

#[cfg(test)]
#[path = "fuzz/corpus.rs"]
mod corpus;
#[cfg(test)]
#[path = "fuzz/engine.rs"]
mod engine;
#[cfg(test)]
#[path = "fuzz/mutate.rs"]
mod mutate;
#[cfg(test)]
#[path = "fuzz/targets.rs"]
mod targets;
#[cfg(test)]
#[path = "fuzz/types.rs"]
mod types;
