// Keeps the page as the registry says it is: hears that something changed and has htmx read the
// page again, which puts what is new into what is there. Copies commands. Without it the page
// reloads itself. Never writes text as markup.
"use strict";
(() => {
  const REST_MS = 1000; // between two readings
  const OLD_MS = 15000; // times are shown as "12 s ago"
  const link = document.getElementById("link");
  let waiting = 0;

  document.documentElement.dataset.script = "on";

  const tell = (text, state) => {
    if (link.textContent !== text) link.textContent = text;
    link.dataset.state = state;
  };

  // Whoever copies a digest or fills in a form keeps what is there.
  const inUse = () => {
    const main = document.getElementById("main");
    const selection = document.getSelection();
    const selects = selection && !selection.isCollapsed && main.contains(selection.anchorNode);
    const fills = main.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    return selects || fills || document.hidden;
  };

  const refresh = () => {
    waiting = 0;
    if (inUse()) return later();
    htmx.trigger(document.getElementById("main"), "stale");
  };

  const later = () => {
    if (!waiting) waiting = setTimeout(refresh, REST_MS);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Copy by hand";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });

  // What can't be undone is asked about; without this script the button's own words must do.
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.ask ?? event.target.dataset.ask;
    if (question && !confirm(question)) event.preventDefault();
  });

  // The address follows a form that is filled in. htmx would do more with the history than that, and is
  // told not to.
  document.addEventListener("htmx:after:swap", (event) => {
    const address = event.detail.ctx?.hx?.replaceurl;
    if (address?.startsWith("/rollouts/new?")) history.replaceState(null, "", address);
  });

  const live = new EventSource("/live");
  live.addEventListener("open", () => tell("live", "live"));
  live.addEventListener("changed", later);
  live.addEventListener("error", () => {
    tell("not connected", "away");
    // Closed for good: the session ended. The page itself says so.
    if (live.readyState === EventSource.CLOSED) later();
  });
  setInterval(later, OLD_MS);
  document.addEventListener("visibilitychange", () => document.hidden || later());
})();
