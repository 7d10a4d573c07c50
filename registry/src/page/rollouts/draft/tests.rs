//! What the texts of the form come to.

use super::*;

fn pairs(draft: &Draft) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("deployment".to_owned(), draft.deployment.clone()),
        ("rows".to_owned(), draft.waves.len().to_string()),
    ];
    let of_waves = draft
        .waves
        .iter()
        .flat_map(|wave| [&wave.reach, &wave.bake, &wave.deadline, &wave.approval].into_iter());
    let rest = [
        &draft.version,
        &draft.preflight,
        &draft.failures,
        &draft.on_failure,
        &draft.lost_ppm,
        &draft.faults,
        &draft.run_time,
        &draft.samples,
        &draft.wait,
        &draft.start_at,
        &draft.flip_at,
        &draft.supersede,
    ];
    let fields = of_waves.chain(rest);
    pairs.extend(fields.map(|field| (field.name.clone(), field.value.clone())));
    pairs
}

fn sent(change: impl FnOnce(&mut Draft)) -> Draft {
    let mut draft = Draft::of_plan("d", "1.1.0", &RolloutPlan::default());
    change(&mut draft);
    Draft::of_pairs("d", &pairs(&draft)).unwrap()
}

#[test]
fn a_plan_comes_back_from_its_texts() {
    let mut plan = RolloutPlan::default();
    plan.waves[0] = Wave {
        reach: Reach::Nodes(3),
        bake_ms: 90_000,
        deadline_ms: 1_500,
        approval: true,
    };
    plan.on_failure = OnFailure::Wave;
    plan.compare.lost_ppm_max = None;
    plan.compare.run_time_percent_max = Some(150);
    for plan in [RolloutPlan::default(), plan] {
        let draft = Draft::of_plan("d", "1.1.0", &plan);
        let mut sent = Draft::of_pairs("d", &pairs(&draft)).unwrap();
        assert_eq!(sent, draft);
        let asked = sent.asked().unwrap();
        assert_eq!(asked.plan, Some(plan));
        assert_eq!(asked.version.as_deref(), Some("1.1.0"));
        assert!(!asked.supersede);
    }
}

#[test]
fn times_of_day_are_read_in_utc() {
    let mut draft = sent(|draft| {
        draft.waves.truncate(1);
        draft.waves[0].reach.value = "100%".to_owned();
        draft.start_at.value = "2026-01-31T12:00".to_owned();
        draft.flip_at.value = "2026-01-31T12:00:30".to_owned();
        draft.supersede.value = "on".to_owned();
    });
    let asked = draft.asked().unwrap();
    assert_eq!(asked.start_at_ms, Some(1_769_860_800_000));
    assert_eq!(asked.plan.unwrap().flip_at_ms, Some(1_769_860_830_000));
    assert!(asked.supersede);
}

#[test]
fn each_mistake_stands_at_its_field_with_what_was_typed() {
    let mut draft = sent(|draft| {
        draft.waves[1].reach.value = "ten".to_owned();
        draft.waves[2].bake.value = "5 apples".to_owned();
        draft.failures.value = "-1".to_owned();
        draft.lost_ppm.value = "<b>".to_owned();
        draft.start_at.value = "soon".to_owned();
    });
    assert_eq!(draft.asked(), None);
    let at = |field: &Field, typed: &str| {
        let mistake = field.mistake.as_deref().unwrap_or_default();
        assert!(
            mistake.starts_with(&format!("{typed:?} does not fit")),
            "{mistake}"
        );
    };
    at(&draft.waves[1].reach, "ten");
    at(&draft.waves[2].bake, "5 apples");
    at(&draft.failures, "-1");
    at(&draft.lost_ppm, "<b>");
    at(&draft.start_at, "soon");
    assert_eq!(draft.mistakes().len(), 5);
}

#[test]
fn what_the_registry_says_of_a_wave_stands_in_its_row() {
    let mut draft = sent(|draft| draft.waves[0].reach.value.clear());
    let asked = draft.asked().unwrap();
    assert_eq!(
        asked.plan.unwrap().waves.len(),
        3,
        "a row without a reach is no wave"
    );
    draft.blame(Some("plan.waves[1].reach"), "too narrow");
    assert_eq!(draft.waves[2].reach.mistake.as_deref(), Some("too narrow"));
    draft.blame(Some("plan.waves[0].deadline_ms"), "too short");
    assert_eq!(
        draft.waves[1].deadline.mistake.as_deref(),
        Some("too short")
    );
    draft.blame(Some("plan.compare.wait_ms"), "too long");
    assert_eq!(draft.wait.mistake.as_deref(), Some("too long"));
    draft.blame(Some("rollout"), "overtaken");
    draft.blame(None, "odd");
    assert_eq!(draft.others, ["overtaken", "odd"]);
}

#[test]
fn another_wave_is_a_row_more_and_rows_are_bounded() {
    let rows = |rows: &str, add: bool| {
        let mut pairs = vec![("rows".to_owned(), rows.to_owned())];
        if add {
            pairs.push(("add".to_owned(), "1".to_owned()));
        }
        Draft::of_pairs("d", &pairs).map(|draft| draft.waves.len())
    };
    assert_eq!(rows("3", false), Some(3));
    assert_eq!(rows("3", true), Some(4));
    assert_eq!(rows("18446744073709551615", true), Some(16));
    assert_eq!(rows("0", false), Some(1));
    assert_eq!(rows("many", false), None);
    assert_eq!(Draft::of_pairs("d", &[]), None);
}
