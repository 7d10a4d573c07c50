//! What goes from one handler to the next, and why one does not begin.

use handler::{Reason, State};
use serde_json::json;

use super::stage::Driven;
use super::steps::{What, step, ways};

const SCHEMA: u32 = 3;

#[test]
fn a_handler_goes_on_with_the_state_of_the_one_before() {
    for way in ways() {
        let mut first = way.begun();
        first.events("steps", &vec![step(What::Clocks, 0, 0, b""); 3]);
        first.events("spans", &[vec![0; 8]]);
        let state = first.snapshot();
        assert_eq!(state.schema, SCHEMA, "{way:?}");
        let mut second = Driven::begun(way.built(), way.mapped, Some(&state));
        second.events("steps", &[step(What::Clocks, 0, 0, b"")]);
        second.told();
        second.tick(9);
        let expected = json!({"now_ns": 9, "steps": 4, "spans": 1});
        assert_eq!(second.told().of("tick"), [expected], "{way:?}");
        assert_ne!(second.snapshot(), state, "{way:?}");
    }
}

#[test]
fn a_handler_goes_on_with_an_older_state_that_it_understands() {
    for way in ways() {
        let older = State {
            schema: 1,
            bytes: 99_u64.to_le_bytes().to_vec(),
        };
        let mut driven = Driven::begun(way.built(), way.mapped, Some(&older));
        driven.tick(1);
        assert_eq!(driven.told().of("tick")[0]["steps"], 99, "{way:?}");
    }
}

#[test]
fn a_state_that_is_not_understood_is_refused_with_a_reason() {
    for way in ways() {
        for (schema, bytes, reason) in [
            (1, vec![1], "only schema 1 is understood"),
            (2, vec![0; 8], "only schema 1 is understood"),
            (SCHEMA, vec![0; 7], "state"),
            (SCHEMA, vec![0; 5000], "state"),
        ] {
            let state = State { schema, bytes };
            let mut driven = Driven::new(way.built(), way.mapped);
            let said = driven.init(Some(&state)).unwrap_err();
            assert!(said.contains(reason), "{way:?}: {said}");
        }
    }
}

#[test]
fn a_handler_may_refuse_to_begin() {
    for way in ways() {
        let built = way.built().set(&[("start", "no")]);
        let said = Driven::new(&built, way.mapped).init(None).unwrap_err();
        assert_eq!(said, "the setting says no", "{way:?}");
    }
}

#[test]
fn a_handler_is_told_why_it_ends() {
    for way in ways() {
        for (reason, number) in [(Reason::Update, 0), (Reason::Stop, 1), (Reason::Fault, 2)] {
            let mut driven = way.begun();
            driven.shutdown(reason);
            let told = driven.told().log;
            let line = format!("shut down for reason {number}");
            assert_eq!(told.len(), 1, "{way:?}");
            assert_eq!(told[0].1, line, "{way:?}");
        }
    }
}
