//! The form of a new rollout: it can be seen what it would do, and mistakes stand at their fields.

use super::actor::{Fleet, Part, furnished, quick, start};
use super::pages::form;
use super::waits::{awaits_promotion, stands};
use crate::browser::{Browser, query, within};

#[tokio::test]
async fn the_preview_is_the_dry_run_of_the_api_and_the_address_holds_the_form() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 8]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    let dry = super::actor::to("1.1.0", plan);
    let dry = registry.admin().dry_run(&dry).await.unwrap();
    let browser = Browser::admin(&registry);
    let query = query(&form(&[]));
    let page = browser.page(&format!("/rollouts/new?{query}"));
    let part = browser.page(&format!("/rollouts/new/preview?{query}"));
    for text in [&page, &part] {
        assert!(
            text.contains("<strong>8 nodes</strong>, 8 online"),
            "{text}"
        );
        assert!(text.contains("1.0.0 → 1.1.0"), "{text}");
        for wave in &dry.waves {
            let nodes = wave.nodes.iter();
            let links: Vec<String> = nodes
                .map(|node| format!("<a href=\"/nodes/{node}\">{node}</a>"))
                .collect();
            assert!(text.contains(&links.join(", ")), "{links:?} in {text}");
        }
        assert!(
            text.contains(
                "packer rollout start d --version 1.1.0 --waves 1,50%,100% --bake 0s --deadline 30s \
                 --approve 1"
            ),
            "{text}"
        );
    }
    assert!(!part.contains("<html"), "{part}");
    assert!(page.contains("name=\"reach1\" value=\"1\""), "{page}");
    assert!(
        page.contains("name=\"approval1\" aria-label=\"Waits for approval\" checked"),
        "{page}"
    );
    assert!(page.contains("Start for 8 nodes"), "{page}");
    // Nothing was begun by looking.
    assert_eq!(
        registry
            .admin()
            .rollouts(None, None)
            .await
            .unwrap()
            .rollouts,
        []
    );
}

#[tokio::test]
async fn a_wave_more_is_a_row_more_and_what_was_typed_stays() {
    let registry = furnished(60_000).await;
    let browser = Browser::admin(&registry);
    let query = query(&form(&[("add", "1"), ("failures", "7")]));
    let page = browser.page(&format!("/rollouts/new?{query}"));
    assert!(page.contains("name=\"reach5\""), "{page}");
    assert!(page.contains("name=\"rows\" value=\"5\""), "{page}");
    assert!(page.contains("name=\"failures\" value=\"7\""), "{page}");
    assert!(page.contains("name=\"deadline2\" value=\"30s\""), "{page}");
}

#[tokio::test]
async fn the_form_begins_as_the_deployments_template_says() {
    let registry = furnished(60_000).await;
    let admin = registry.admin();
    let mut spec = admin.deployment("d").await.unwrap().spec;
    let mut plan = quick();
    plan.failures_max = 9;
    plan.compare.lost_ppm_max = None;
    spec.rollout = Some(plan);
    admin.put_deployment("d", &spec).await.unwrap();
    let browser = Browser::admin(&registry);
    let page = browser.page("/rollouts/new?deployment=d&version=1.1.0");
    for text in [
        "name=\"reach1\" value=\"1\"",
        "name=\"reach2\" value=\"50%\"",
        "name=\"bake1\" value=\"0s\"",
        "name=\"failures\" value=\"9\"",
        "name=\"lost_ppm\" value=\"\"",
        "<option value=\"1.1.0\" selected>",
        "--lost-ppm off",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    // The bound is off on its way through the API and the database, too.
    let kept = admin.deployment("d").await.unwrap().spec.rollout.unwrap();
    assert_eq!(kept.compare.lost_ppm_max, None);
}

#[tokio::test]
async fn mistakes_come_back_at_their_fields_with_what_was_typed() {
    let registry = furnished(60_000).await;
    let browser = Browser::admin(&registry);
    let hostile = "<script>alert(1)</script>";
    for (changes, field, says) in [
        (vec![("reach2", hostile)], "reach2", "does not fit"),
        (vec![("bake1", "soon")], "bake1", "such as 90s"),
        (vec![("failures", "many")], "failures", "a whole number"),
        (
            vec![("preflight", "1ms")],
            "preflight",
            "preflight_ms is 1 ms",
        ),
        (vec![("reach2", "101%")], "reach2", "1 to 100 are allowed"),
        (vec![("reach3", "99%")], "reach3", "reaches every node"),
        (
            vec![("deadline3", "1ms")],
            "deadline3",
            "deadline_ms is 1 ms",
        ),
        (vec![("run_time", "50")], "run_time", "100 to"),
        (vec![("flip_at", "2020-01-01T00:00")], "flip_at", "3 waves"),
        (
            vec![("start_at", "2999-01-01T00:00")],
            "start_at",
            "30 days from now",
        ),
        (vec![("version", "9.9.9")], "version", "9.9.9"),
    ] {
        let answer = browser.send("/rollouts", &form(&changes));
        let page = answer.text();
        assert_eq!(answer.status, 422, "{field}: {page}");
        let found = within(&page, &format!("{field}-mistake"), "</p>");
        assert!(found.contains(says), "{field}: {found}");
        assert!(
            page.contains(&format!("aria-describedby=\"{field}-mistake"))
                || page.contains(&format!(" {field}-mistake\"")),
            "{field}: {page}"
        );
        assert!(!page.contains(hostile), "{page}");
        assert!(!page.contains("http-equiv=\"refresh\""), "{page}");
    }
    assert_eq!(
        registry
            .admin()
            .rollouts(None, None)
            .await
            .unwrap()
            .rollouts,
        []
    );
}

#[tokio::test]
async fn a_rollout_in_the_place_of_another_is_asked_for() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 2]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    start(&registry, "1.1.0", plan).await;
    stands(&registry, 1, "its first wave is well", awaits_promotion).await;
    let browser = Browser::admin(&registry);
    let refused = browser.send("/rollouts", &form(&[]));
    assert_eq!(refused.status, 422);
    let page = refused.text();
    let found = within(&page, "supersede-mistake", "</p>");
    assert!(found.contains("rollout 1 of d has not ended"), "{found}");
    let begun = browser.send("/rollouts", &form(&[("supersede", "on")]));
    assert_eq!(begun.header("location"), Some("/rollouts/2"));
}

#[tokio::test]
async fn a_deployment_is_chosen_first_and_one_that_is_not_there_is_said_so() {
    let registry = furnished(60_000).await;
    let browser = Browser::admin(&registry);
    let page = browser.page("/rollouts/new");
    assert!(page.contains("<option>d</option>"), "{page}");
    let page = browser.page("/rollouts/new?deployment=nowhere");
    assert!(page.contains("there is no deployment nowhere"), "{page}");
    let page = browser.page("/rollouts/new?deployment=%3Cscript%3E");
    assert!(
        page.contains("deployment-mistake") && !page.contains("<script>"),
        "{page}"
    );
}

#[tokio::test]
async fn a_field_that_comes_twice_is_refused_everywhere() {
    let registry = furnished(60_000).await;
    let browser = Browser::admin(&registry);
    for twice in [
        ("deployment", "other"),
        ("version", "1.0.0"),
        ("reach1", "2"),
    ] {
        let mut fields = form(&[]);
        fields.push(twice);
        let query = query(&fields);
        for path in ["/rollouts/new", "/rollouts/new/preview"] {
            let answer = browser.ask(&format!("{path}?{query}"));
            assert_eq!(answer.status, 400, "{path} {twice:?}: {}", answer.text());
            assert!(answer.text().contains(twice.0), "{}", answer.text());
        }
        assert_eq!(browser.send("/rollouts", &fields).status, 400, "{twice:?}");
    }
    let all = registry.admin().rollouts(None, None).await.unwrap();
    assert_eq!(all.rollouts, []);
}

#[tokio::test]
async fn the_button_counts_what_would_move_and_follows_the_preview() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
    fleet.all_run("1.0.0").await;
    let pin = api::registry::SetPin {
        version: Some("1.0.0".into()),
        reason: "odd".into(),
    };
    registry.admin().set_pin("d", "n1", &pin).await.unwrap();
    let query = query(&form(&[]));
    let paths = [
        format!("/rollouts/new?{query}"),
        format!("/rollouts/new/preview?{query}"),
    ];
    let browser = Browser::admin(&registry);
    let token = registry.token("viewer", &["read"]).await;
    let reader = Browser::with(&registry, &token);
    for path in &paths {
        let text = browser.page(path);
        let button =
            "form=\"plan\" formmethod=\"post\" formaction=\"/rollouts\">Start for 3 nodes<";
        assert!(text.contains(button), "{text}");
        assert!(text.contains("<strong>4 nodes</strong>"), "{text}");
        assert!(!reader.page(path).contains("Start for"), "{path}");
    }
}

#[tokio::test]
async fn the_address_follows_what_is_typed_and_stays_on_this_site() {
    let registry = furnished(60_000).await;
    let browser = Browser::admin(&registry);
    let query = query(&form(&[("reach2", "20%"), ("failures", "//evil.example")]));
    assert!(query.contains("reach2=20%25"), "{query}");
    let part = browser.ask(&format!("/rollouts/new/preview?{query}"));
    assert_eq!(part.status, 200, "{}", part.text());
    let address = part.header("hx-replace-url").unwrap();
    assert_eq!(address, format!("/rollouts/new?{query}"));
    let page = browser.page(address);
    assert!(page.contains("name=\"reach2\" value=\"20%\""), "{page}");
}
