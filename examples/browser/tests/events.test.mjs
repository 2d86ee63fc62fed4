// node --test examples/browser/tests/*.test.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fresh, link, notice } from "../events.js";
import { disclosure, endOf, heardPercent, offers, recording, recordingLine, stateName, turnsKnown } from "../truth.js";

const schema = JSON.parse(readFileSync(new URL("../../../docs/browser-events.schema.json", import.meta.url)));
const examples = Object.values(schema.$defs).flatMap((definition) => (definition.properties?.type ? (definition.examples ?? []) : []));

const hello = {
  type: "hello",
  version: 1,
  session: "b584aa38-33bc-4b46-989d-5479bfc7d1a8",
  dialog: "webshop",
  organisation: "Voorbeeld",
  notice: "https://voorbeeld.nl/bellen",
  language: "nl",
  languages: ["nl", "en"],
  hears: true,
  purposes: [{ purpose: "service-quality", label: { nl: "onze service te verbeteren" }, basis: "consent", "retention-days": 30 }],
};
const consent = (state) => ({ type: "consent", purpose: "service-quality", basis: "consent", state });
const phase = (name) => ({ type: "phase", phase: name });
const turn = (number, recorded) => ({ type: "turn", turn: number, recording: recorded });
const ended = (number, kept) => ({ type: "turn-ended", turn: number, kept });
const saying = (line, role = "disclosure", prompt = `prompt-${line}`) => ({ type: "saying", line, prompt, text: "…", language: "nl", role, "duration-ms": 9000 });

const connected = () => link(link(fresh(), "connecting"), "connected");
const after = (...notices) => notices.reduce(notice, connected());
const inDialog = (...notices) => after(hello, phase("disclosing"), phase("asking"), phase("dialog"), ...notices);
const given = [consent("given"), { type: "recorder", on: true }];
const kept = (state) => state.turns.map((t) => t.kept);

test("before a call nothing is claimed but that there is none", () => {
  assert.equal(stateName(fresh()), "idle");
  assert.equal(recordingLine(fresh()), "none");
});

test("connecting and connected say that the state is not known until the first notice", () => {
  assert.equal(stateName(link(fresh(), "microphone")), "connecting");
  assert.equal(stateName(connected()), "unknown");
  assert.equal(recording(connected()), "unknown");
});

test("a notice before hello does not make recording known", () => {
  const state = after(phase("dialog"));
  assert.equal(recording(state), "unknown");
  assert.equal(stateName(state), "unknown");
});

test("hello: the recorder is off, purposes are not asked yet", () => {
  const state = after(hello);
  assert.equal(recording(state), "off");
  assert.deepEqual(state.purposes.map((p) => p.state), ["unknown"]);
});

test("a second hello of the same session keeps what was said; another session starts anew", () => {
  const first = inDialog(...given, turn(1, true), ended(1, "kept"));
  const again = notice(first, hello);
  assert.equal(again.recorder, true);
  assert.deepEqual(kept(again), ["kept"]);
  const other = notice(first, { ...hello, session: "another" });
  assert.equal(other.recorder, false);
  assert.deepEqual(other.turns, []);
});

test("the disclosure's figure is evidence alone, and never shrinks", () => {
  let state = after(hello, phase("disclosing"), saying(1));
  assert.deepEqual(disclosure(state), { part: 1, percent: 0, outcome: null });
  state = notice(notice(state, { type: "heard", line: 1, percent: 40 }), { type: "heard", line: 1, percent: 20 });
  assert.equal(stateName(state), "disclosing");
  assert.equal(disclosure(state).percent, 40);
  assert.equal(heardPercent(state), 40);
});

test("a disclosure that is said again is the same part, from nothing", () => {
  const state = after(hello, phase("disclosing"), saying(1, "disclosure", "a"), { type: "said", line: 1, outcome: "garbled" }, saying(2, "disclosure", "a"));
  assert.deepEqual(disclosure(state), { part: 1, percent: 0, outcome: null });
  const next = notice(state, saying(3, "disclosure", "b"));
  assert.equal(disclosure(next).part, 2);
});

test("heard or said of a line that is not there changes nothing", () => {
  const state = after(hello);
  assert.deepEqual(notice(state, { type: "heard", line: 9, percent: 5 }).lines, []);
  assert.deepEqual(notice(state, { type: "said", line: 9, outcome: "cut" }).lines, []);
});

test("a line without evidence says so", () => {
  const state = after(hello, phase("disclosing"), saying(1), { type: "said", line: 1, outcome: "no-evidence" });
  assert.equal(disclosure(state).outcome, "no-evidence");
});

test("asked, then refused", () => {
  let state = after(hello, phase("asking"), consent("requested"), { type: "expecting", answer: "consent" });
  assert.equal(stateName(state), "asked");
  state = [{ type: "answer", purpose: "service-quality", outcome: "refused" }, consent("refused"), phase("dialog")].reduce(notice, state);
  assert.equal(stateName(state), "refused");
  assert.equal(recording(state), "refused");
});

test("recording is said while a turn is recorded, whatever the phase", () => {
  for (const name of ["disclosing", "asking", "dialog", "person", "waiting"]) {
    assert.equal(stateName(after(hello, ...given, phase(name), turn(1, true))), "recording", name);
  }
});

test("between turns the recorder is on and nothing is recorded; a turn may be left out", () => {
  assert.equal(recording(inDialog(...given)), "ready");
  assert.equal(recording(inDialog(...given, turn(1, false))), "not-this-turn");
  assert.equal(stateName(inDialog(...given, turn(1, false))), "not-recording");
});

test("the recorder's stop ends the claim at once, before the turn's end is told", () => {
  const state = inDialog(...given, turn(1, true), { type: "recorder", on: false, reason: "withdrawn" });
  assert.equal(recording(state), "stopped");
  assert.deepEqual(kept(state), ["open"]);
});

test("withdrawn and erased, whole, in part or not yet", () => {
  const stopped = [...given, turn(1, true), ended(1, "kept"), turn(2, true), { type: "recorder", on: false, reason: "withdrawn" }, ended(2, "not-kept"), consent("withdrawn")];
  const whole = inDialog(...stopped, { type: "erased", complete: true, kept: false });
  assert.equal(stateName(whole), "erased");
  assert.deepEqual(kept(whole), ["erased", "not-kept"]);
  const part = inDialog(...stopped, { type: "erased", complete: true, kept: true });
  assert.equal(stateName(part), "partly-kept");
  assert.deepEqual(kept(part), ["partly", "not-kept"]);
  const later = inDialog(...stopped, { type: "erased", complete: false, kept: false });
  assert.equal(stateName(later), "erasing");
  const done = notice(later, { type: "erased", complete: true, kept: false });
  assert.equal(stateName(done), "erased");
  assert.deepEqual(kept(done), ["erased", "not-kept"]);
});

test("consent given after a withdrawal records again, and what was erased stays erased", () => {
  const state = inDialog(...given, turn(1, true), ended(1, "kept"), { type: "recorder", on: false, reason: "withdrawn" }, { type: "erased", complete: true, kept: false }, ...given, turn(2, true));
  assert.equal(recording(state), "recording");
  assert.deepEqual(kept(state), ["erased", "recording"]);
});

test("a fault that stops the recorder is named", () => {
  const state = inDialog(...given, turn(1, true), { type: "recorder", on: false, reason: "failed" }, ended(1, "lost"));
  assert.equal(recording(state), "failed");
  assert.deepEqual(kept(state), ["lost"]);
});

test("turns: an end without a beginning, a beginning without an end, out of order", () => {
  assert.deepEqual(kept(after(hello, ended(3, "not-kept"), turn(1, false))), ["open", "not-kept"]);
  assert.deepEqual(kept(after(hello, turn(1, true), turn(2, false))), ["unknown", "open"]);
  assert.deepEqual(kept(after(hello, turn(1, true), ended(2, "kept"))), ["unknown", "kept"]);
  assert.equal(recording(after(hello, ended(3, "not-kept"), turn(1, true))), "recording");
});

test("waiting shows the place and forgets it afterwards", () => {
  const waiting = after(hello, phase("connecting"), phase("waiting"), { type: "queue", place: 3 });
  assert.equal(stateName(waiting), "waiting");
  assert.equal(waiting.place, 3);
  assert.equal(notice(waiting, phase("dialog")).place, null);
  assert.equal(stateName(notice(waiting, phase("call-back"))), "call-back");
});

test("a person: connecting, talking, hold, gone", () => {
  const at = (state) => stateName(after(hello, phase("person"), { type: "person", state }));
  assert.deepEqual(["connecting", "talking", "hold", "gone"].map(at), ["connecting-person", "person", "hold", "person-gone"]);
});

test("an interruption makes everything unknown, and coming back does not make it known", () => {
  const recorded = inDialog(...given, turn(1, true));
  const gone = link(recorded, "interrupted");
  assert.equal(stateName(gone), "interrupted");
  assert.equal(recording(gone), "unknown");
  assert.deepEqual(turnsKnown(gone), [{ turn: 1, kept: "unknown" }]);
  assert.deepEqual(turnsKnown(recorded), [{ turn: 1, kept: "recording" }]);
  const back = link(gone, "connected");
  assert.equal(stateName(back), "unknown");
  assert.equal(recording(back), "unknown");
  assert.equal(recording(notice(back, { type: "recorder", on: false })), "off");
});

test("a notice that arrives while the link is down does not restore the claim", () => {
  const gone = link(inDialog(...given), "interrupted");
  assert.equal(recording(notice(gone, turn(1, true))), "unknown");
});

test("the server's word that the connection lapsed is believed", () => {
  assert.equal(stateName(inDialog(phase("lapsed"))), "interrupted");
  assert.equal(stateName(inDialog(phase("lapsed"), phase("dialog"))), "not-recording");
});

test("the end: the server's word stands, and nothing brings the call back", () => {
  const over = inDialog(turn(1, false), { type: "ended", outcome: "finished" });
  assert.equal(stateName(over), "ended");
  assert.equal(endOf(over), "finished");
  assert.equal(recordingLine(over), "over");
  assert.deepEqual(kept(over), ["unknown"]);
  assert.equal(endOf(link(over, "closed", "lost")), "finished");
  const late = notice(over, turn(2, true));
  assert.equal(stateName(late), "ended");
  assert.equal(late.turns.length, 1);
});

test("the end without the server's word: the page does not claim to know", () => {
  const lost = link(inDialog(...given, turn(1, true)), "closed", "lost");
  assert.equal(endOf(lost), "lost");
  assert.equal(recordingLine(lost), "lost");
  assert.equal(endOf(link(inDialog(), "closed", "hung-up")), "hung-up");
  assert.equal(endOf(link(link(fresh(), "signalling"), "closed", "failed")), "not-begun");
});

test("yes and no are offered together when something is asked, no alone before", () => {
  const asked = offers(after(hello, phase("asking"), { type: "expecting", answer: "consent" }));
  assert.deepEqual([asked.yes, asked.no], [true, true]);
  const telling = offers(after(hello, phase("disclosing")));
  assert.deepEqual([telling.yes, telling.no], [false, true]);
  const nothing = offers(after({ ...hello, purposes: [] }, phase("disclosing")));
  assert.deepEqual([nothing.yes, nothing.no], [false, false]);
  const choosing = offers(inDialog({ type: "expecting", answer: "yes-no" }, { type: "expecting", answer: "choice" }));
  assert.deepEqual([choosing.yes, choosing.no], [false, false]);
});

test("stop is offered while there is something to stop, asking again when there is not", () => {
  assert.equal(offers(inDialog(...given)).stop, true);
  assert.equal(offers(inDialog(...given)).askAgain, false);
  const refused = offers(inDialog(consent("refused")));
  assert.deepEqual([refused.stop, refused.askAgain], [false, true]);
});

test("waiting offers the agent and a call-back; a person offers neither", () => {
  const waiting = (answer) => offers(after(hello, phase("waiting"), { type: "expecting", answer }));
  const both = waiting("waiting-or-call-back");
  assert.deepEqual([both.agent, both.callBack, both.person], [true, true, false]);
  assert.deepEqual([waiting("waiting").agent, waiting("waiting").callBack], [true, false]);
  const talking = offers(after(hello, phase("person"), { type: "person", state: "talking" }, { type: "expecting", answer: "nothing" }));
  assert.deepEqual([talking.agent, talking.callBack, talking.person, talking.hangUp], [false, false, false, true]);
});

test("nothing can be pressed while the link is down", () => {
  const gone = offers(link(inDialog({ type: "expecting", answer: "consent" }), "interrupted"));
  assert.deepEqual([gone.yes, gone.no, gone.keys, gone.person, gone.hangUp], [false, false, false, false, true]);
});

test("an answer that did not count is told until the call goes on", () => {
  const early = after(hello, phase("asking"), { type: "answer", purpose: "service-quality", outcome: "too-early" });
  assert.equal(early.answer.outcome, "too-early");
  assert.equal(notice(early, phase("dialog")).answer, null);
});

test("the language that is spoken follows the agent", () => {
  const state = after(hello, { type: "language", language: "en", hears: false });
  assert.deepEqual([state.language, state.hears], ["en", false]);
});

test("an error is shown until the agent says the next thing", () => {
  const state = after(hello, { type: "error", message: "unknown type" });
  assert.equal(state.complaint, "unknown type");
  assert.equal(notice(state, saying(1)).complaint, null);
});

test("what is not of the schema is counted and changes nothing else", () => {
  const state = inDialog(...given);
  for (const odd of [null, 5, {}, { type: "from-the-future" }, { type: "constructor" }, { type: "__proto__" }, []]) {
    const { ignored, ...rest } = notice(state, odd);
    const { ignored: before, ...same } = state;
    assert.equal(ignored, before + 1);
    assert.deepEqual(rest, same);
  }
});

test("every message of the schema that the server sends is taken", () => {
  const types = new Set();
  for (const example of examples.filter((e) => !["key", "button", "hang-up"].includes(e.type))) {
    if (example.type === "language" && example.hears === undefined) continue;
    assert.equal(notice(after(hello), example).ignored, 0, example.type);
    types.add(example.type);
  }
  assert.equal(types.size, 17);
});

test("a state is never changed in place", () => {
  const freeze = (value) => {
    if (value && typeof value === "object") Object.values(Object.freeze(value)).forEach(freeze);
    return value;
  };
  let state = freeze(connected());
  for (const message of [hello, ...examples]) state = freeze(notice(state, message));
});
