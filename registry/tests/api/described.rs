//! Every route that the registry describes, with every wrong token: refused, audited, nothing
//! changed. Driven by the registry's own description, so that no route can be forgotten.

use std::collections::BTreeMap;

use payload::digest::Digest;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::{self, key, made};
use crate::stage::{Registry, until};

/// One method of one path.
#[derive(Debug)]
struct Route {
    method: String,
    /// With its parameters filled in.
    path: String,
    /// As it is described.
    template: String,
    /// Whether it wants a bearer at all.
    secured: bool,
}

/// Every route, its parameters filled with what is there.
fn routes(registry: &Registry, values: &BTreeMap<&str, String>) -> Vec<Route> {
    let document = registry
        .send("GET", "/openapi.json", &[], b"")
        .expect(200)
        .json();
    let mut routes = Vec::new();
    for (template, methods) in document["paths"].as_object().unwrap() {
        let filled = template.split('/').map(|segment| {
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            name.map_or_else(
                || segment.to_owned(),
                |name| {
                    values
                        .get(name)
                        .unwrap_or_else(|| panic!("a value for {name}"))
                        .clone()
                },
            )
        });
        let path: Vec<String> = filled.collect();
        for (method, operation) in methods.as_object().unwrap() {
            let query = match template.as_str() {
                "/api/v1/legacy" => "?name=acme/old&version=1.0.0",
                _ => "",
            };
            routes.push(Route {
                method: method.to_uppercase(),
                path: path.join("/") + query,
                template: template.clone(),
                secured: operation.get("security").is_some(),
            });
        }
    }
    routes
}

/// What a registry holds, with what reading itself changes left out.
fn held(registry: &Registry) -> Vec<Value> {
    let mut tokens = registry.admin("GET", "/tokens", None).expect(200).json();
    for token in tokens["tokens"].as_array_mut().unwrap() {
        token["used_ms"] = Value::Null;
    }
    let others = ["/keys", "/payloads", "/payloads/acme/small"]
        .map(|path| registry.admin("GET", path, None).expect(200).json());
    [vec![tokens], others.to_vec()].concat()
}

/// A registry with something of everything, and names of it.
fn furnished() -> (Registry, BTreeMap<&'static str, String>) {
    let registry = Registry::start();
    registry.trust();
    let release = made("1.0.0");
    registry.publish(&registry.admin, &release).expect(201);
    let channel = json!({ "version": "1.0.0" });
    registry
        .admin(
            "PUT",
            "/payloads/acme/small/channels/stable",
            Some(&channel),
        )
        .expect(201);
    let values = BTreeMap::from([
        ("namespace", "acme".to_owned()),
        ("digest", release.digest),
        ("version", "1.0.0".to_owned()),
        ("channel", "stable".to_owned()),
        ("key", key(1).public().id().to_string()),
        ("deployment", "everywhere".to_owned()),
        ("node", "first".to_owned()),
        ("instance", "execs".to_owned()),
        ("rollout", "1".to_owned()),
        // Of a payload, and of a token.
        ("name", "small".to_owned()),
    ]);
    (registry, values)
}

/// A request with this bearer and a body of the right type.
fn ask(registry: &Registry, route: &Route, bearer: Option<&str>) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.map(|bearer| ("authorization", bearer)));
    registry.send(&route.method, &route.path, &headers, b"{}")
}

#[test]
fn no_route_answers_without_a_token_that_is_in_force() {
    let (registry, values) = furnished();
    let short = json!({ "name": "short", "scopes": ["admin"], "expires_in_s": 1 });
    let short = registry
        .admin("POST", "/tokens", Some(&short))
        .expect(201)
        .json();
    let short = short["secret"].as_str().unwrap().to_owned();
    let revoked = registry.token("revoked", &["admin"]);
    registry.ask(&revoked, "GET", "/whoami", None).expect(200);
    registry
        .admin("DELETE", "/tokens/revoked", None)
        .expect(204);
    until("the token has expired", || {
        registry.ask(&short, "GET", "/whoami", None).status == 401
    });
    let unknown = format!("marrow_{}", "A".repeat(43));
    let admin = registry.admin.clone();
    let bearers = [
        None,
        Some(format!("Bearer {short}")),
        Some(format!("Bearer {revoked}")),
        Some(format!("Bearer {unknown}")),
        Some(format!("Bearer {}", &admin[..admin.len() - 1])),
        Some(format!("Bearer  {admin}")),
        Some(format!("Basic {admin}")),
        Some(admin),
        Some("Bearer".to_owned()),
        Some(String::new()),
    ];
    let routes = routes(&registry, &values);
    assert!(routes.len() >= 24, "{}", routes.len());
    let before = held(&registry);
    for route in routes.iter().filter(|route| route.secured) {
        for bearer in &bearers {
            let answer = ask(&registry, route, bearer.as_deref());
            assert_eq!(answer.status, 401, "{route:?} {bearer:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(held(&registry), before);
    let secured = routes.iter().filter(|route| route.secured).count();
    let wanted = (secured * bearers.len()).min(1000);
    until("the refusals are in the audit", || {
        refusals(&registry, "token.refused").len() >= wanted
    });
    let told: Vec<Value> = refusals(&registry, "token.refused");
    for route in routes
        .iter()
        .filter(|route| route.secured)
        .take(wanted / bearers.len())
    {
        let path = route.path.split('?').next().unwrap();
        let subject = format!("{} {path}", route.method);
        let found = told
            .iter()
            .filter(|entry| entry["subject"] == subject.as_str());
        assert!(found.count() >= bearers.len(), "{subject}");
    }
}

#[test]
fn only_what_tells_nothing_needs_no_token() {
    let (registry, values) = furnished();
    let open = routes(&registry, &values)
        .into_iter()
        .filter(|route| !route.secured);
    let open: Vec<Route> = open.collect();
    assert!(open.is_empty(), "{open:?}");
    registry.send("GET", "/healthz", &[], b"").expect(200);
    registry.send("GET", "/readyz", &[], b"").expect(200);
    registry.send("GET", "/metrics", &[], b"").expect(401);
    registry
        .ask(&registry.token("m", &["read"]), "GET", "/metrics", None)
        .expect(200);
}

/// What a token of each scope may not do, beside what it may.
#[test]
fn each_scope_opens_its_own_routes_only() {
    let (registry, values) = furnished();
    let tokens: Vec<(&str, String)> = ["operate", "read", "publish:acme", "publish:other", "enrol"]
        .iter()
        .map(|scope| (*scope, registry.token(&scope.replace(':', "-"), &[scope])))
        .collect();
    let before = held(&registry);
    let mut refused = 0;
    for route in routes(&registry, &values) {
        let rights = rights(&route);
        for (scope, token) in tokens.iter().filter(|(scope, _)| !rights.contains(scope)) {
            let answer = ask(&registry, &route, Some(&format!("Bearer {token}")));
            assert_eq!(answer.status, 403, "{scope} {route:?}");
            refused += 1;
        }
    }
    assert_eq!(held(&registry), before);
    until("the refusals are in the audit", || {
        refusals(&registry, "scope.refused").len() == refused
    });
}

/// The scopes, beside `admin`, that a route is for.
fn rights(route: &Route) -> Vec<&'static str> {
    let path = route.template.strip_prefix("/api/v1").unwrap();
    let everybody = vec!["operate", "read", "publish:acme", "publish:other", "enrol"];
    let readers = everybody[..4].to_vec();
    match (route.method.as_str(), path) {
        (_, "/whoami") => everybody,
        (_, "/tokens" | "/tokens/{name}" | "/collect" | "/keys/{key}") => vec![],
        (_, "/audit" | "/payloads/{namespace}/{name}/versions/{version}/revoke") => {
            vec!["operate"]
        }
        ("GET" | "HEAD", path) if !path.starts_with("/nodes/{node}/") => readers,
        ("GET", "/nodes/{node}/explain") | ("POST", "/rollouts/dry-run") => readers,
        ("PUT", "/blobs/{digest}") => vec!["publish:acme", "publish:other"],
        ("POST", "/legacy") => vec!["publish:acme"],
        ("POST", "/nodes/enrol") => vec!["enrol"],
        // A node's own, with its credential.
        (
            _,
            "/nodes/{node}/desired"
            | "/nodes/{node}/doorbell"
            | "/nodes/{node}/events"
            | "/nodes/{node}/reports",
        ) => vec![],
        (_, path)
            if ["/nodes/", "/deployments", "/rollouts"]
                .iter()
                .any(|of| path.starts_with(of)) =>
        {
            vec!["operate"]
        }
        (_, path) if path.ends_with("yank") || path.contains("/channels/") => {
            vec!["operate", "publish:acme"]
        }
        _ => vec!["publish:acme"],
    }
}

/// What the audit says of refusals, all pages of it.
fn refusals(registry: &Registry, what: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut path = "/audit".to_owned();
    loop {
        let page = registry.admin("GET", &path, None).expect(200).json();
        let entries = page["entries"].as_array().unwrap();
        found.extend(
            entries
                .iter()
                .filter(|entry| entry["what"] == what)
                .cloned(),
        );
        let Some(next) = page["next"].as_u64() else {
            return found;
        };
        path = format!("/audit?before={next}");
    }
}

#[test]
fn every_answer_has_an_id_and_every_refusal_is_a_problem() {
    let (registry, _) = furnished();
    let mut ids = std::collections::BTreeSet::new();
    for (method, path, status) in [
        ("GET", "/whoami", 200),
        ("GET", "/nothing", 404),
        ("DELETE", "/payloads", 405),
        ("POST", "/tokens", 415),
        ("PUT", "/payloads/acme/small/versions/x", 400),
        ("GET", "/payloads?x=1", 400),
    ] {
        let answer = registry.admin(method, path, None).expect(status);
        assert!(ids.insert(answer.header("x-request-id").unwrap().to_owned()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let denied = registry.admin("DELETE", "/payloads", None).expect(405);
    assert_eq!(denied.header("allow"), Some("GET,HEAD"));
}

#[test]
fn the_description_names_what_the_wire_types_are() {
    let registry = Registry::start();
    let document = registry
        .send("GET", "/openapi.json", &[], b"")
        .expect(200)
        .json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for name in [
        "Release",
        "PublishRelease",
        "Problem",
        "TokenMade",
        "Payload",
        "AuditLog",
    ] {
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
    let digest = Digest::of(b"x");
    // What a fuzzer sends: a body of the described type to each route gives no 5xx.
    let key = fixture::trusted_key(&key(9), &["x"]);
    for (method, path, body) in [
        (
            "PUT",
            "/payloads/a/b/versions/1.0.0".to_owned(),
            json!({"digest": digest, "envelope": ""}),
        ),
        ("PUT", format!("/keys/{digest}"), key),
        (
            "PUT",
            "/payloads/a/b/floor".to_owned(),
            json!({"envelope": "\u{0}"}),
        ),
        (
            "POST",
            "/tokens".to_owned(),
            json!({"name": "\u{0}", "scopes": ["\u{0}"]}),
        ),
    ] {
        let answer = registry.admin(method, &path, Some(&body));
        assert!(
            (400..500).contains(&answer.status),
            "{method} {path}: {answer:?}"
        );
    }
}
