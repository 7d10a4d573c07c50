//! Mutations of byte strings, and the random numbers that choose them. Called by the engine.
//! Must never draw from anything but its own seed.

/// Inputs do not grow beyond this.
const BYTES_MAX: usize = 64 << 10;

/// `SplitMix64` (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 for an `end` of 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = usize::try_from(self.next() >> 1).unwrap_or(0);
        number.checked_rem(end).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Numbers at which length checks go wrong.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// Makes inputs from inputs.
pub(crate) struct Mutator<'a> {
    /// Words of the format.
    pub(crate) words: &'a [&'a [u8]],
}

impl Mutator<'_> {
    /// `base` with one to a few mutations; most often one, since decoders stop at the first mistake.
    /// Some of them copy from the pool.
    pub(crate) fn mutate(&self, base: &[u8], pool: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
        let mut input = base.to_vec();
        let other = pool
            .get(random.below(pool.len()))
            .map_or(&[][..], Vec::as_slice);
        for _ in 0..=random.below(6).saturating_sub(2) {
            self.step(&mut input, other, random);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn step(&self, input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        let at = random.below(input.len());
        match random.below(12) {
            0 | 1 => flip(input, at, random),
            2 => set(input, at, random.byte()),
            3 | 4 => {
                let width = 1 << random.below(4);
                let edge = EDGES[random.below(EDGES.len())];
                let aligned = at - at % width;
                overwrite(input, aligned, &edge.to_le_bytes()[..width]);
            }
            5 => nudge(input, at - at % 4, random),
            6 => {
                let length = random.below(16) + 1;
                let end = (at + length).min(input.len());
                input.drain(at..end);
            }
            7 => input.truncate(at),
            8 => {
                let end = (at + random.below(64) + 1).min(input.len());
                let copied = input[at..end].to_vec();
                insert(input, random, &copied);
            }
            9 => {
                let from = random.below(other.len());
                let end = (from + random.below(256) + 1).min(other.len());
                overwrite(input, at, &other[from..end]);
            }
            10 => {
                let word = self.words.get(random.below(self.words.len())).copied();
                insert(input, random, word.unwrap_or(b"\0"));
            }
            _ => {
                let bytes: Vec<u8> = (0..random.below(8)).map(|_| random.byte()).collect();
                insert(input, random, &bytes);
            }
        }
    }
}

fn flip(input: &mut [u8], at: usize, random: &mut Random) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn set(input: &mut [u8], at: usize, value: u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte = value;
    }
}

/// Adds a small number, which finds what is off by one.
fn nudge(input: &mut [u8], at: usize, random: &mut Random) {
    let Some(bytes) = input.get_mut(at..at + 4) else {
        return;
    };
    let mut number = [0; 4];
    number.copy_from_slice(bytes);
    let step = u32::try_from(random.below(33))
        .unwrap_or(0)
        .wrapping_sub(16);
    bytes.copy_from_slice(&u32::from_le_bytes(number).wrapping_add(step).to_le_bytes());
}

fn overwrite(input: &mut [u8], at: usize, with: &[u8]) {
    for (byte, value) in input.iter_mut().skip(at).zip(with) {
        *byte = *value;
    }
}

fn insert(input: &mut Vec<u8>, random: &mut Random, bytes: &[u8]) {
    let at = random.below(input.len() + 1);
    input.splice(at..at, bytes.iter().copied());
}

#[test]
fn same_seed_gives_the_same_inputs_and_another_gives_others() {
    let pool = vec![b"some input".to_vec(), b"another".to_vec()];
    let inputs = |seed| {
        let mut random = Random::new(seed);
        let mutator = Mutator { words: &[b"word"] };
        (0..100)
            .map(|_| mutator.mutate(&pool[0], &pool, &mut random))
            .collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
}
