//! What one answer holds at most, and who is left out of it.

use super::*;

#[test]
fn there_are_no_more_floors_than_instances_and_none_of_what_has_no_instance() {
    let (mut all, mut floors) = (vec![standing("late", "i0", "*", 9999)], Floors::new());
    all[0].spec.payload = "acme/late".into();
    for index in 0..INSTANCES_MAX as u64 + 4 {
        all.push(standing(
            &format!("d{index}"),
            &format!("i{index}"),
            "*",
            index,
        ));
    }
    for payload in all.iter().map(|one| one.spec.payload.clone()) {
        let envelope = format!("of {payload}");
        let minimum_version = "1.0.0".parse().unwrap();
        floors.insert(
            payload,
            StandingFloor {
                minimum_version,
                envelope,
            },
        );
    }
    let desired = plan_with(all, &floors).desired("web-1", 1, &floors);
    let mut expected: Vec<String> = (0..INSTANCES_MAX)
        .map(|index| format!("of acme/i{index}"))
        .collect();
    expected.sort_unstable();
    assert_eq!(desired.floors, expected);
}

#[test]
fn an_answer_stays_within_its_bound_and_the_oldest_fill_it() {
    let (mut all, mut floors) = (Vec::new(), Floors::new());
    for index in 0..INSTANCES_MAX as u64 {
        let mut one = standing(&format!("d{index:03}"), &format!("i{index:03}"), "*", index);
        let mut large = offer("1.0.0", ReleaseState::Available);
        // Line breaks have two bytes in JSON, as quotes have.
        large.envelope = Some("\n".repeat(64 << 10));
        one.given = Ok(Arc::new(large));
        let floor = StandingFloor {
            minimum_version: "1.0.0".parse().unwrap(),
            envelope: "\n".repeat(64 << 10),
        };
        floors.insert(one.spec.payload.clone(), floor);
        all.push(one.weighed());
    }
    let plan = plan_with(all, &floors);
    let desired = plan.desired("web-1", u64::MAX, &floors);
    let (count, bytes) = (
        desired.instances.len(),
        serde_json::to_vec(&desired).unwrap().len(),
    );
    assert!((90..=96).contains(&count), "{count}");
    assert_eq!(desired.floors.len(), count);
    assert!(
        (DESIRED_BYTES_MAX - (257 << 10)..=DESIRED_BYTES_MAX).contains(&bytes),
        "{bytes}"
    );
    // Another bound than the instances' is no other order: the oldest have it.
    for (index, claim) in plan.claims().iter().enumerate() {
        assert_eq!(claim.verdict == Verdict::Crowded, index >= count, "{index}");
    }
}
