// Keeps the page as the registry says it is: hears that something changed, fetches the page, and
// replaces what is in <main>. Without it the page reloads itself. Never writes text as markup.
"use strict";
(() => {
  const REST_MS = 1000; // between two fetches
  const STALE_MS = 15000; // times are shown as "12 s ago"
  const main = document.getElementById("main");
  const link = document.getElementById("link");
  let waiting = 0;

  const tell = (text, state) => {
    if (link.textContent !== text) link.textContent = text;
    link.dataset.state = state;
  };

  // Whoever copies a digest or stands on it with the keyboard keeps what is there.
  const inUse = () => {
    const selection = document.getSelection();
    const selects = selection && !selection.isCollapsed && main.contains(selection.anchorNode);
    return selects || document.hidden;
  };

  const place = () => {
    const all = [...main.querySelectorAll("a, [tabindex]")];
    return all.indexOf(document.activeElement);
  };

  const refresh = async () => {
    waiting = 0;
    if (inUse()) return later();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!fresh || fresh.innerHTML === main.innerHTML) return;
      const focused = place();
      main.replaceChildren(...fresh.childNodes);
      if (focused >= 0) main.querySelectorAll("a, [tabindex]")[focused]?.focus({ preventScroll: true });
    } catch {
      tell("not connected", "away");
    }
  };

  const later = () => {
    if (!waiting) waiting = setTimeout(refresh, REST_MS);
  };

  const live = new EventSource("/live");
  live.addEventListener("open", () => tell("live", "live"));
  live.addEventListener("changed", later);
  live.addEventListener("error", () => {
    tell("not connected", "away");
    // Closed for good: the session ended. The page itself says so.
    if (live.readyState === EventSource.CLOSED) later();
  });
  setInterval(later, STALE_MS);
  document.addEventListener("visibilitychange", () => document.hidden || later());
})();
