//! States over an update of a handler alone: carried, begun anew, or demanded, as the payload declares.

use super::*;
use crate::instance::handling::BeginError;

/// A handler that has counted ten records, and one that is to follow it; how that began.
fn followed(accepts: u32, carry: Carry) -> Option<(Bench, Result<Begun, BeginError>)> {
    let mut bench = Bench::new(FIRST)?;
    bench.submit(10, |_| 0);
    bench.read();
    let next = Version {
        number: 2,
        accepts,
        ..FIRST
    };
    let (next, _) = bench.handling(next, carry);
    let begun = bench.with(|feed, _, now, out| feed.replace(next, 2, now, out));
    bench.submit(5, |_| 0);
    bench.read();
    bench.later(PROBATION_MS);
    bench.read();
    assert!(bench.numbers().into_iter().eq(0..15), "all, once, in order");
    Some((bench, begun))
}

#[test]
fn a_state_that_is_accepted_goes_on() {
    for carry in [Carry::Offered, Carry::Require] {
        let Some((mut bench, begun)) = followed(SCHEMA, carry) else {
            return;
        };
        assert_eq!(begun, Ok(Begun::Carried));
        assert_eq!(bench.counted(), (15, 0));
    }
}

#[test]
fn a_state_that_nobody_wants_ends_with_its_handler() {
    let Some((mut bench, begun)) = followed(SCHEMA, Carry::Fresh) else {
        return;
    };
    assert!(matches!(begun, Ok(Begun::Fresh(_))), "{begun:?}");
    // The first that it counted is not the one that it waited for.
    assert_eq!(bench.counted(), (5, 1));
}

#[test]
fn a_state_of_another_schema_is_left_where_it_is_only_offered() {
    let Some((mut bench, begun)) = followed(SCHEMA + 1, Carry::Offered) else {
        return;
    };
    let Ok(Begun::Anew(reason)) = begun else {
        panic!("{begun:?}");
    };
    let schemas = format!("[{}], this one is of schema {SCHEMA}", SCHEMA + 1);
    assert!(reason.contains(&schemas), "{reason}");
    assert_eq!(bench.counted(), (5, 1));
}

#[test]
fn a_state_of_another_schema_stops_an_update_that_requires_it() {
    let Some((mut bench, begun)) = followed(SCHEMA + 1, Carry::Require) else {
        return;
    };
    assert!(matches!(begun, Err(BeginError::State(_))), "{begun:?}");
    assert_eq!(bench.counted(), (15, 0), "the one before goes on");
    assert_eq!(bench.lines.last().unwrap()["generation"], 1);
}
