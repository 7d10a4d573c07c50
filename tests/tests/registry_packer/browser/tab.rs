//! One tab of a browser, used as a person uses it: by mouse, by keyboard, by eyes. It writes down
//! whatever is wrong that nobody sees: errors in the console, what the policy of the page forbade,
//! requests to elsewhere. Called by the tests.
//! Must never set what only a person's hand sets: values come by keys, clicks land where they show.

mod fault;
mod thing;

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::chromium::Chromium;
use fault::fault;
pub(crate) use thing::Thing;

/// How long a page may take to be as it should.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(20);
/// Things on one page that the keyboard can reach.
const STOPS_MAX: usize = 300;
/// Where the point is at which a thing is clicked, or why it has none.
const POINT: &str = r#"
    if (!thing) return "is not there";
    thing.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = thing.getClientRects()[0];
    if (!box) return "is not shown";
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const top = document.elementFromPoint(x, y);
    return top && thing.contains(top) ? { x, y } : `is covered by ${top?.outerHTML.slice(0, 200)}`;
"#;

/// How a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// Keys, with what they write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Tab,
    Enter,
    Space,
    Down,
    Home,
    Delete,
}

/// A tab.
pub(crate) struct Tab {
    chromium: Chromium,
    session: String,
    /// Of the registry.
    url: String,
    faults: Vec<String>,
    questions: Vec<String>,
    /// Documents that were loaded.
    loads: usize,
    /// Of the last document.
    status: u64,
}

impl Tab {
    /// A tab that has not gone anywhere yet, of a browser of its own.
    pub(crate) fn new(mut chromium: Chromium, url: &str) -> Self {
        let targets = chromium.call(None, "Target.getTargets", json!({})).unwrap();
        let mut targets = targets["targetInfos"].as_array().unwrap().iter();
        let target = targets.find(|target| target["type"] == "page").unwrap();
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = chromium
            .call(None, "Target.attachToTarget", attach)
            .unwrap();
        let mut tab = Self {
            chromium,
            session: attached["sessionId"].as_str().unwrap().to_owned(),
            url: url.to_owned(),
            faults: Vec::new(),
            questions: Vec::new(),
            loads: 0,
            status: 0,
        };
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            tab.call(&format!("{domain}.enable"), json!({}));
        }
        tab.look(1280, Scheme::Light);
        tab
    }

    /// Looks at the page in a window so wide.
    pub(crate) fn look(&mut self, width_px: u32, scheme: Scheme) {
        let metrics = json!({
            "width": width_px, "height": 900, "deviceScaleFactor": 1, "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
    }

    /// Runs no script of a page from now on.
    pub(crate) fn without_script(&mut self) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": true }),
        );
    }

    /// Goes to a page of the registry and waits until it is there.
    pub(crate) fn go(&mut self, path: &str) {
        // Else the page before would be taken for this one.
        self.ask("window.left = true");
        let to = json!({ "url": format!("{}{path}", self.url) });
        let gone = self.call("Page.navigate", to);
        assert!(gone.get("errorText").is_none(), "{path}: {gone}");
        self.until(&format!("{path} is loaded"), "!window.left");
        self.loaded();
    }

    /// Waits until what was begun by a click is there.
    pub(crate) fn loaded(&mut self) {
        self.until("a page is loaded", "document.readyState === 'complete'");
    }

    /// Waits until a document was loaded after so many.
    #[track_caller]
    pub(crate) fn until_loaded_after(&mut self, loads: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.loads() == loads {
            assert!(
                Instant::now() < deadline,
                "nothing was loaded, at {}: {}",
                self.path(),
                self.text()
            );
            std::thread::sleep(LOOK);
        }
        self.loaded();
    }

    /// Waits until an expression of script is true.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, expression: &str) {
        self.until_within(PATIENCE, what, expression);
    }

    /// The same, with more patience.
    #[track_caller]
    pub(crate) fn until_within(&mut self, patience: Duration, what: &str, expression: &str) {
        let deadline = Instant::now() + patience;
        loop {
            // A page that goes away answers nothing; the next one does.
            let answer = self.try_ask(expression);
            if answer == Ok(Value::Bool(true)) {
                return;
            }
            if Instant::now() > deadline {
                let (path, text) = (self.path(), self.text());
                let faults = self.faults();
                panic!(
                    "not within {patience:?}: {what}: {answer:?}, at {path}: {text}\n{faults:?}"
                );
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until the page says something.
    #[track_caller]
    pub(crate) fn until_says(&mut self, text: &str) {
        let says = format!("document.body.innerText.includes({})", json!(text));
        self.until(&format!("it says {text:?}"), &says);
    }

    /// Waits until it is at a path.
    #[track_caller]
    pub(crate) fn until_at(&mut self, path: &str) {
        let at = format!(
            "location.pathname === {} && document.readyState === 'complete'",
            json!(path)
        );
        self.until(&format!("it is at {path}"), &at);
    }

    /// Path and query of the page.
    pub(crate) fn path(&mut self) -> String {
        let path = self.ask("location.pathname + location.search");
        path.as_str().unwrap_or_default().to_owned()
    }

    /// What a person reads.
    pub(crate) fn text(&mut self) -> String {
        let text = self.ask("document.body.innerText");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What an expression of script comes to, which may be promised.
    #[track_caller]
    pub(crate) fn ask(&mut self, expression: &str) -> Value {
        self.try_ask(expression)
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_ask(&mut self, expression: &str) -> Result<Value, String> {
        let params = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let session = self.session.clone();
        let mut answer = self
            .chromium
            .call(Some(&session), "Runtime.evaluate", params)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown["exception"]["description"].to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Clicks where it is, once it can be clicked.
    #[track_caller]
    pub(crate) fn click(&mut self, thing: Thing) {
        let expression = format!("(() => {{ const thing = {}; {POINT} }})()", thing.found());
        let deadline = Instant::now() + PATIENCE;
        let point = loop {
            let point = self.try_ask(&expression).unwrap_or_default();
            if point.is_object() {
                break point;
            }
            if Instant::now() > deadline {
                let (path, text) = (self.path(), self.text());
                panic!("{thing:?} {point}, at {path}: {text}");
            }
            std::thread::sleep(LOOK);
        };
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let mut params = json!({ "type": kind, "x": point["x"], "y": point["y"] });
            if kind != "mouseMoved" {
                params["button"] = "left".into();
                params["clickCount"] = 1.into();
            }
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Writes into the field that has the focus, in place of what is in it.
    pub(crate) fn write(&mut self, text: &str) {
        self.ask("document.activeElement.select?.()");
        self.press(Key::Delete);
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Goes to a list by the keyboard, and down to what begins so.
    #[track_caller]
    pub(crate) fn choose(&mut self, list: Thing, text: &str) {
        self.tab_to(list);
        self.press(Key::Home);
        let chosen = "document.activeElement.selectedOptions[0].textContent.trim()";
        for _ in 0..STOPS_MAX {
            if self.ask(&format!("{chosen}.startsWith({})", json!(text))) == Value::Bool(true) {
                return;
            }
            self.press(Key::Down);
        }
        panic!(
            "{list:?} has no {text}, at {}: {}",
            self.path(),
            self.text()
        );
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: Key) {
        let (name, code, text) = match key {
            Key::Tab => ("Tab", 9, None),
            Key::Enter => ("Enter", 13, Some("\r")),
            Key::Space => (" ", 32, Some(" ")),
            Key::Down => ("ArrowDown", 40, None),
            Key::Home => ("Home", 36, None),
            Key::Delete => ("Delete", 46, None),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({
                "type": kind, "key": name, "windowsVirtualKeyCode": code,
                "code": if name == " " { "Space" } else { name },
            });
            if let Some(text) = text.filter(|_| kind == "keyDown") {
                params["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Presses the tabulator until a thing has the focus, and shows that.
    #[track_caller]
    pub(crate) fn tab_to(&mut self, thing: Thing) {
        let has_it = format!("document.activeElement === ({})", thing.found());
        for _ in 0..STOPS_MAX {
            if self.ask(&has_it) == Value::Bool(true) {
                let shown = "document.activeElement.matches(':focus-visible')";
                assert_eq!(
                    self.ask(shown),
                    Value::Bool(true),
                    "{thing:?} shows no focus"
                );
                return;
            }
            self.press(Key::Tab);
        }
        let (path, text) = (self.path(), self.text());
        panic!("the keyboard does not reach {thing:?}, at {path}: {text}");
    }

    /// What was wrong since it was asked last.
    pub(crate) fn faults(&mut self) -> Vec<String> {
        self.collect();
        std::mem::take(&mut self.faults)
    }

    /// What was asked, and answered with yes, since it was asked last.
    pub(crate) fn questions(&mut self) -> Vec<String> {
        self.collect();
        std::mem::take(&mut self.questions)
    }

    /// How many documents were loaded.
    pub(crate) fn loads(&mut self) -> usize {
        self.collect();
        self.loads
    }

    /// The status of the last document.
    pub(crate) fn status(&mut self) -> u64 {
        self.collect();
        self.status
    }

    /// Keeps what is seen as a picture.
    pub(crate) fn picture(&mut self, file: &Path) {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        let mut out = std::fs::File::create(file).unwrap();
        std::io::Write::write_all(&mut out, &bytes).unwrap();
    }

    #[track_caller]
    fn call(&mut self, method: &str, params: Value) -> Value {
        let session = self.session.clone();
        self.chromium.call(Some(&session), method, params).unwrap()
    }

    fn collect(&mut self) {
        for event in self.chromium.events() {
            let params = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Page.javascriptDialogOpening" => {
                    let question = params["message"].as_str().unwrap_or_default();
                    self.questions.push(question.to_owned());
                }
                "Page.frameNavigated" => self.loads += 1,
                "Network.responseReceived" if params["type"] == "Document" => {
                    self.status = params["response"]["status"].as_u64().unwrap_or_default();
                }
                method => self.faults.extend(fault(method, params, &self.url)),
            }
        }
    }
}
