// Who waits: a table, and on a phone a list of the same rows.

import { whyNotTake } from "./derived.js";
import { byId, keep, make, setText, show } from "./page.js";
import { clock } from "./text.js";
import { consent, slots } from "./view-caller.js";

export function renderWaiting(state, words, now) {
  const count = state.waiting.length;
  const why = whyNotTake(state);
  setText(byId("waiting-heading"), state.known.waiting ? words.say("waiting-heading", count) : words.say("waiting-unknown"));
  show(byId("waiting-empty"), count === 0 && state.known.waiting);
  show(byId("waiting"), count > 0);
  show(byId("stale"), state.offline && count > 0);
  byId("take").disabled = why !== null;
  setText(byId("why-not"), why ? words.say(`why-not-${why}`) : "");
  show(byId("why-not"), why !== null && !(why === "nobody" && count === 0 && state.known.waiting));
  keep(byId("waiting-rows"), state.waiting.map((caller, index) => ({ ...caller, place: index + 1 })), "call", (caller) => row(caller, words, now, state.wish.available));
}

/** The times alone, once a second. */
export function tickWaiting(state, now) {
  for (const { id, since } of state.waiting) {
    const time = document.querySelector(`#waiting-rows [data-call="${CSS.escape(id)}"] .time`);
    if (time) setText(time, clock(now - since));
  }
}

function row(caller, words, now, available) {
  const cell = (column, ...content) => make("td", { data: { label: words.say(`column-${column}`) }, attributes: { role: "cell" } }, ...content);
  const place = caller.next ? words.say("next") : caller.mine || !available ? "" : words.say("not-mine");
  return make(
    "tr",
    { data: { call: caller.id, next: caller.next, mine: caller.mine }, attributes: { role: "row" } },
    cell("place", make("span", {}, String(caller.place), ...(place ? [make("span", { className: "place", textContent: place })] : []))),
    cell("waited", make("span", { className: "time", textContent: clock(now - caller.since) })),
    cell("reason", words.word("reasons", caller.reason)),
    cell("language", words.language(caller.language)),
    cell("queue", caller.queue),
    cell("consent", consent(caller, words)),
    cell("slots", slots(caller, words)),
  );
}
