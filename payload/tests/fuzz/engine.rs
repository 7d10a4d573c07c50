//! Runs a fuzz target: mutates inputs until the time is over, keeps those that make the target say
//! something new. Called by the targets. Must never depend on anything but seed, corpus and code,
//! so that a seed and a number of runs give the same inputs again.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::mutate::{Mutator, Random};

/// The most inputs that are kept beside the corpus.
const KEPT_MAX: usize = 512;
/// No input may take longer. Unoptimised code on a busy machine; a hang takes for ever.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);
/// The seed where the environment gives none.
const SEED: u64 = 0x6d61_7272_6f77;

/// One decoder under test.
pub(crate) struct Target<'a> {
    /// Name of the test.
    pub(crate) name: &'static str,
    /// Inputs to begin with.
    pub(crate) corpus: &'a [&'a [u8]],
    /// Words of the format, inserted as they are.
    pub(crate) words: &'a [&'a [u8]],
    /// Decodes an input and checks what must hold. Says what came of it, so that inputs with a new
    /// outcome are kept: usually the error, or nothing.
    pub(crate) check: &'a dyn Fn(&[u8]) -> String,
}

impl Target<'_> {
    /// Runs the target.
    pub(crate) fn run(&self) {
        if let Ok(input) = std::env::var("MARROW_FUZZ_INPUT") {
            let input = BASE64_STANDARD
                .decode(input)
                .expect("MARROW_FUZZ_INPUT is base64");
            println!("{}: {}", self.name, (self.check)(&input));
            return;
        }
        let seconds = number("MARROW_FUZZ_SECONDS").unwrap_or(1);
        let seed = number("MARROW_FUZZ_SEED").unwrap_or(SEED);
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut random = Random::new(seed);
        let mut pool: Vec<Vec<u8>> = self.corpus.iter().map(|input| input.to_vec()).collect();
        let mut outcomes = HashSet::new();
        for input in &pool {
            outcomes.insert(shape(&self.try_one(input, seed, 0)));
        }
        let mutator = Mutator { words: self.words };
        let mut runs = 0_u64;
        while Instant::now() < end {
            runs += 1;
            let input = mutator.mutate(self.base(&pool, &mut random), &pool, &mut random);
            let outcome = shape(&self.try_one(&input, seed, runs));
            if outcomes.insert(outcome) && pool.len() < self.corpus.len() + KEPT_MAX {
                pool.push(input);
            }
        }
        assert!(runs > 0, "{}: not one input in {seconds} s", self.name);
        println!(
            "{}: seed {seed}, {runs} inputs, {} outcomes",
            self.name,
            outcomes.len()
        );
    }

    /// What to mutate: the corpus as often as what was kept, since most of that fails early.
    fn base<'p>(&self, pool: &'p [Vec<u8>], random: &mut Random) -> &'p [u8] {
        let end = if random.below(2) == 0 {
            self.corpus.len()
        } else {
            pool.len()
        };
        pool.get(random.below(end)).map_or(&[], Vec::as_slice)
    }

    /// Tries one input; what went wrong is shown with the input.
    fn try_one(&self, input: &[u8], seed: u64, run: u64) -> String {
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.check)(input)));
        let failed = match outcome {
            Ok(outcome) if begin.elapsed() < INPUT_TIME_MAX => return outcome,
            Ok(_) => format!("took {:?}", begin.elapsed()),
            Err(_) => "panicked, see above".to_owned(),
        };
        panic!(
            "{} {failed}: seed {seed}, input {run} of {} bytes, MARROW_FUZZ_INPUT={}",
            self.name,
            input.len(),
            BASE64_STANDARD.encode(input)
        );
    }
}

/// An outcome without its numbers and without what it quotes or lists, so that the same error
/// elsewhere is nothing new. At most 96 letters of it.
fn shape(outcome: &str) -> String {
    let mut shape = String::new();
    let mut end = None;
    for letter in outcome.chars().take(96) {
        if end.is_some() {
            if end == Some(letter) {
                end = None;
            }
            continue;
        }
        end = match letter {
            '"' | '`' => Some(letter),
            '[' => Some(']'),
            _ => None,
        };
        let letter = if letter.is_ascii_digit() { '0' } else { letter };
        if letter != '0' || !shape.ends_with('0') {
            shape.push(letter);
        }
    }
    shape
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is {text:?}, it must be a number")),
    )
}

#[test]
fn outcomes_differ_by_words_not_by_numbers() {
    assert_eq!(shape("byte 17 of 4301"), shape("byte 1 of 2"));
    assert_ne!(shape("byte 17"), shape("field 17"));
    assert_eq!(shape("no map \"a\" here"), shape("no map \"b\" here"));
    assert_ne!(shape("no map \"a\" here"), shape("no map \"a\" there"));
}

#[test]
#[should_panic(expected = "MARROW_FUZZ_INPUT=aGFsdA==")]
fn failing_input_is_shown() {
    let check = |input: &[u8]| {
        assert_ne!(input, b"halt");
        String::new()
    };
    Target {
        name: "test",
        corpus: &[b"halt"],
        words: &[],
        check: &check,
    }
    .run();
}
