// What the page says of a state, in both languages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fresh, link, notice } from "../events.js";
import { texts } from "../text.js";
import { stateWords } from "../view.js";

const phase = (name) => ({ type: "phase", phase: name });
const expecting = (answer) => ({ type: "expecting", answer });
const hello = { type: "hello", version: 1, session: "s", language: "nl", languages: ["nl"], hears: true, purposes: [] };
const after = (...notices) => notices.reduce(notice, link(fresh(), "connected"));
const words = (...notices) => stateWords(after(hello, ...notices), texts.nl);

test("waiting offers a call-back only where there is one", () => {
  assert.doesNotMatch(words(phase("waiting"), expecting("waiting"))[1], /teruggebeld/);
  assert.match(words(phase("waiting"), expecting("waiting-or-call-back"))[1], /assistent.*teruggebeld/);
  assert.doesNotMatch(words(phase("waiting"), expecting("nothing"))[1], /assistent|teruggebeld/);
});

test("who is in no line is told so, and what there is instead", () => {
  const [headline, without] = words(phase("nobody"), expecting("waiting"));
  assert.equal(headline, "Er is nu niemand vrij");
  assert.match(without, /niet in de wachtrij.*assistent/);
  assert.doesNotMatch(without, /terugbellen/);
  assert.match(words(phase("nobody"), expecting("waiting-or-call-back"))[1], /niet in de wachtrij.*terugbellen.*assistent/);
});

test("a colleague who has taken the caller is told, and the place is not", () => {
  const waits = [phase("waiting"), expecting("waiting"), { type: "queue", place: 3 }];
  assert.match(words(...waits)[0], /plaats 3/);
  const coming = words(...waits, { type: "person", state: "connecting" });
  assert.match(coming[0], /komt aan de lijn/);
  assert.doesNotMatch(coming.join(), /plaats/);
});

test("leaving a number: typing, confirming, noting are three things", () => {
  const said = ["digits", "yes-no", "nothing"].map((answer) => words(phase("call-back"), expecting(answer))[1]);
  assert.match(said[0], /Toets het nummer/);
  assert.match(said[1], /Klopt het/);
  assert.match(said[2], /genoteerd/);
});

test("every state has its words in every language", () => {
  const states = [
    fresh(),
    link(fresh(), "microphone"),
    ...["disclosing", "asking", "dialog", "connecting", "waiting", "nobody", "call-back", "person", "lapsed", "ended", "from-the-future"].map((name) => after(hello, phase(name))),
    after(hello, phase("waiting"), { type: "person", state: "connecting" }),
    ...["connecting", "talking", "hold", "gone"].map((state) => after(hello, phase("person"), { type: "person", state })),
    link(after(hello), "interrupted"),
    link(after(hello), "hanging-up"),
    link(after(hello), "closed", "lost"),
    after(hello, { type: "ended", outcome: "finished" }),
  ];
  for (const text of Object.values(texts)) {
    for (const state of states) {
      const said = stateWords(state, text);
      assert.equal(said.length, 2);
      for (const part of said) assert.equal(typeof part, "string");
      assert.ok(said[0]);
    }
  }
});
