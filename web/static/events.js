// Shows the events of an instance as they come, the newest last. Never writes text as markup.
"use strict";
(() => {
  const SHOWN_MAX = 500;
  const list = document.getElementById("events");
  const state = document.getElementById("events-state");
  const pause = document.getElementById("pause");
  const clear = document.getElementById("clear");
  let [source, seen, skipped, isPaused] = [null, 0, 0, false];

  const tell = (text) => (state.textContent = text);
  const count = () => tell(`${seen.toLocaleString("en")} shown${skipped ? `, ${skipped.toLocaleString("en")} skipped` : ""}`);

  const line = ({ at_ms, text }) => {
    const [row, time, code] = ["p", "time", "code"].map((name) => document.createElement(name));
    const at = new Date(at_ms);
    time.dateTime = at.toISOString();
    time.textContent = at.toISOString().slice(11, 23);
    code.textContent = text;
    row.append(time, " ", code);
    return row;
  };

  const show = (batch) => {
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    seen += batch.events.length;
    skipped += batch.skipped;
    list.append(...batch.events.map(line));
    while (list.childElementCount > SHOWN_MAX) list.firstElementChild.remove();
    if (follows) list.scrollTop = list.scrollHeight;
    count();
  };

  const open = () => {
    source = new EventSource(list.dataset.from);
    source.addEventListener("open", () => (seen || skipped ? count() : tell("waiting for events")));
    source.addEventListener("events", (event) => show(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) refused();
      else tell("not connected");
    });
  };

  // An event source does not say why it was refused; the same address does.
  const refused = async () => {
    tell("refused");
    const asked = new AbortController();
    const answer = await fetch(list.dataset.from, { signal: asked.signal });
    if (answer.ok) return asked.abort();
    const problem = await answer.json().catch(() => null);
    if (problem?.detail) tell(problem.detail);
  };

  pause.hidden = clear.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
    if (!isPaused) return open();
    source.close();
    tell("paused");
  });
  clear.addEventListener("click", () => {
    list.replaceChildren();
    [seen, skipped] = [0, 0];
    count();
  });
  open();
})();
