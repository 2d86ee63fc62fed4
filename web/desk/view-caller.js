// What is known of a caller, in words: the same words in the list and in the call, and the same look whatever the caller answered.

import { make } from "./page.js";

const pairs = (entries) =>
  make("ul", { className: "pairs" }, ...entries.map(([name, value]) => make("li", {}, make("span", { className: "name", textContent: `${name}: ` }), make("span", { className: "value", textContent: value }))));

/** The answer per purpose. */
export function consent(caller, words) {
  const entries = Object.entries(caller.consent);
  if (entries.length === 0) return make("span", { textContent: words.say("consent-none") });
  return pairs(entries.map(([purpose, state]) => [words.word("purposes", purpose), words.word("consents", state)]));
}

/** What the caller gave for their task. */
export function slots(caller, words) {
  const entries = Object.entries(caller.slots);
  if (entries.length === 0) return make("span", { textContent: words.say("nothing-given") });
  return pairs(entries.map(([name, value]) => [words.name(name), String(value)]));
}
