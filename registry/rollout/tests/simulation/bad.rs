//! How far a release gets by itself: a bad one not beyond its first wave, a good one to the end.
//! Called by the laws. Must never demand what nodes that lie could make impossible.

use api::registry::{Reach, RolloutPhase};
use rollout::{Runs, Seen, Staged};

use super::node::Node;
use super::registry::Registry;
use super::story::{Fault, Release, Story};

/// A wave begins by itself, and it is not the first.
pub(crate) fn stays_in_first_wave(registry: &Registry, nodes: &[Node], story: &Story) {
    let bakes = story.plan.waves[0].bake_ms > 0;
    let compare = &story.plan.compare;
    let honest_ran = nodes.iter().any(|one| one.fault.is_honest() && one.ran);
    match story.release {
        Release::Faults if bakes => assert!(!honest_ran || story.plan.failures_max > 0),
        Release::KillsDaemon => assert!(!honest_ran || story.plan.failures_max > 0),
        Release::LosesEvents if compare.lost_ppm_max.is_some() => {
            assert!(!shows(registry, story, |one| one
                .sample
                .is_some_and(|one| { one.accepted > 0 && one.lost.is_some() })));
        }
        Release::Slow if compare.run_time_percent_max.is_some() => {
            assert!(!shows(registry, story, |one| {
                one.sample.is_some_and(|one| one.runs > 0)
            }));
        }
        Release::Faults if compare.faults_per_mille_max.is_some() => {
            assert!(!shows(registry, story, |_| true));
        }
        Release::Good
        | Release::RejectedSomewhere
        | Release::Faults
        | Release::LosesEvents
        | Release::Slow
        | Release::UntrustedSomewhere
        | Release::IncompatibleSomewhere => {}
    }
}

/// Whether enough nodes on both sides measured it, and hardly any of them lies.
fn shows(registry: &Registry, story: &Story, measured: impl Fn(&Seen<'_>) -> bool) -> bool {
    let bound = registry.state.bound;
    let (mut new, mut others) = ([0, 0], [0, 0]);
    for (one, fault) in registry.seen.iter().zip(&story.faults) {
        if !one.online || !measured(one) || one.staged != Staged::Passed {
            continue;
        }
        let lies = usize::from(!fault.is_honest());
        match (one.place.is_below(bound), one.runs) {
            (true, Runs::Watched | Runs::Committed) => new[lies] += 1,
            (false, Runs::Other) => others[lies] += 1,
            _ => {}
        }
    }
    let is_sound = |[honest, lying]: [u32; 2]| honest > 0 && lying * 10 <= honest + lying;
    is_sound(new) && is_sound(others)
}

/// The first wave begins by itself.
pub(crate) fn stays_in_preflight(registry: &Registry, story: &Story) {
    let told = |staged| {
        let honest = registry.seen.iter().zip(&story.faults);
        let honest = honest.filter(|(_, fault)| fault.is_honest());
        honest.filter(|(one, _)| one.staged == staged).count()
    };
    let failures_max = usize::try_from(story.plan.failures_max).unwrap();
    assert!(told(Staged::Refused) <= failures_max, "nodes refused it");
    assert_eq!(told(Staged::Untrusted), 0, "nodes do not trust it");
    assert!(story.release != Release::RejectedSomewhere);
}

/// It is good, nobody keeps it from its end, and nobody was asked: it came to its end.
pub(crate) fn good_succeeds(registry: &Registry, story: &Story) {
    let is_good = matches!(
        story.release,
        Release::Good | Release::IncompatibleSomewhere
    );
    let lies = |fault: &&Fault| **fault == Fault::LiesInFigures;
    let liars = u64::try_from(story.faults.iter().filter(lies).count()).unwrap();
    let others = story.faults.iter().filter(|fault| !lies(fault));
    let is_asked = story.plan.waves.iter().any(|wave| wave.approval);
    if !is_good || is_asked || story.plan.flip_at_ms.is_some() {
        return;
    }
    if !others.into_iter().all(|fault| fault.is_harmless()) {
        return;
    }
    let first = match story.plan.waves[0].reach {
        Reach::Nodes(nodes) => u64::from(nodes),
        Reach::Percent(percent) => u64::from(percent) * 90,
    };
    // A tenth of those that measure a figure may lie, and two thirds do; but for faults of handlers,
    // where each is one of a thousand.
    let counts_faults = story.plan.compare.faults_per_mille_max.is_some();
    if liars > 0 && (counts_faults || liars * 20 > first) {
        return;
    }
    // Of a first wave that has nothing to do there is nothing to compare.
    let paused = registry.state.paused.as_ref();
    if !paused.is_some_and(|pause| pause.because.contains("can't be decided")) {
        assert_eq!(
            registry.state.phase,
            RolloutPhase::Succeeded,
            "{:?}",
            registry.state
        );
    }
}
