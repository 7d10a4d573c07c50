//! Rollouts of ten thousand nodes by a virtual clock, a thousand of them, with nodes that vanish, lie,
//! flap, refuse, repeat themselves and are late, people that meddle, and a registry that dies.
//! One alone: `MARROW_SEED=17 cargo test -p rollout --test simulation`.

#[cfg(test)]
#[path = "simulation/bad.rs"]
mod bad;
#[cfg(test)]
#[path = "simulation/dice.rs"]
mod dice;
#[cfg(test)]
#[path = "simulation/happens.rs"]
mod happens;
#[cfg(test)]
#[path = "simulation/laws.rs"]
mod laws;
#[cfg(test)]
#[path = "simulation/node.rs"]
mod node;
#[cfg(test)]
#[path = "simulation/registry.rs"]
mod registry;
#[cfg(test)]
#[path = "simulation/run.rs"]
mod run;
#[cfg(test)]
#[path = "simulation/story.rs"]
mod story;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use api::registry::RolloutPhase;

const SEEDS: u64 = 1_000;

type Ends = BTreeMap<(story::Release, &'static str), u32>;

/// Runs seeds until there are no more; says how they ended, and which broke a law.
#[cfg(test)]
fn run_seeds(next: &AtomicU64, until: u64) -> (Ends, Vec<u64>) {
    let (mut ends, mut broken) = (Ends::new(), Vec::new());
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= until {
            return (ends, broken);
        }
        let Ok((release, state)) = catch_unwind(AssertUnwindSafe(|| run::run(seed))) else {
            println!("alone: MARROW_SEED={seed} cargo test -p rollout --test simulation");
            broken.push(seed);
            continue;
        };
        let end = match state.paused {
            Some(_) => "paused",
            None => state.phase.word(),
        };
        *ends.entry((release, end)).or_default() += 1;
    }
}

#[test]
fn rollouts_keep_their_laws_whatever_happens() {
    let alone = std::env::var("MARROW_SEED").ok();
    let alone = alone.map(|seed| seed.parse::<u64>().expect("MARROW_SEED is a number"));
    let (first, until) = alone.map_or((0, SEEDS), |seed| (seed, seed + 1));
    let next = AtomicU64::new(first);
    let all = Mutex::new((Ends::new(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(8));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let (ends, broken) = run_seeds(&next, until);
                let mut all = all.lock().unwrap();
                for (end, count) in ends {
                    *all.0.entry(end).or_default() += count;
                }
                all.1.extend(broken);
            });
        }
    });
    let (ends, broken) = all.into_inner().unwrap();
    println!("{ends:#?}");
    assert_eq!(
        broken,
        Vec::<u64>::new(),
        "these seeds broke a law; see above"
    );
    if alone.is_none() {
        every_end_was_reached(&ends);
    }
}

/// Stories that all end alike prove little.
fn every_end_was_reached(ends: &Ends) {
    let ended = |word: &str| {
        let ended = ends.iter().filter(|((_, end), _)| *end == word);
        ended.map(|(_, count)| count).sum::<u32>()
    };
    for phase in [
        RolloutPhase::Succeeded,
        RolloutPhase::Rejected,
        RolloutPhase::RolledBack,
        RolloutPhase::Incomplete,
        RolloutPhase::Aborted,
        RolloutPhase::Superseded,
    ] {
        assert!(ended(phase.word()) >= 10, "{}", phase.word());
    }
    assert!(ended("paused") >= 10 && ended(RolloutPhase::Gate.word()) >= 10);
}
