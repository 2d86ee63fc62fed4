// node --test examples/browser/tests/*.test.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fresh, link, notice } from "../events.js";
import { answerNote, consentAsked, disclosure, endOf, heardPercent, offers, recording, recordingLine, stateName, turnsKnown, withdrawal } from "../truth.js";

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
  assert.deepEqual(["connecting", "talking", "hold", "gone"].map(at), ["person-coming", "person", "hold", "person-gone"]);
});

test("a colleague who takes a waiting caller is on the way; a place that comes again says that they did not come", () => {
  const waiting = after(hello, phase("waiting"), { type: "queue", place: 3 });
  const coming = notice(waiting, { type: "person", state: "connecting" });
  assert.equal(stateName(coming), "person-coming");
  assert.equal(stateName(notice(coming, phase("waiting"))), "person-coming");
  const again = notice(coming, { type: "queue", place: 1 });
  assert.deepEqual([stateName(again), again.place], ["waiting", 1]);
  assert.equal(stateName(notice(notice(coming, phase("person")), { type: "person", state: "talking" })), "person");
  const left = after(hello, phase("person"), { type: "person", state: "gone" }, phase("waiting"));
  assert.equal(stateName(left), "waiting");
});

test("nobody is free: no line, no place, and the way on", () => {
  const nobody = (answer) => after(hello, phase("waiting"), { type: "queue", place: 2 }, phase("nobody"), { type: "expecting", answer });
  const state = nobody("waiting-or-call-back");
  assert.deepEqual([stateName(state), state.place], ["nobody", null]);
  const offered = offers(state);
  assert.deepEqual([offered.agent, offered.callBack, offered.person, offered.repeat], [true, true, false, false]);
  const without = offers(nobody("waiting"));
  assert.deepEqual([without.agent, without.callBack], [true, false]);
  assert.equal(offers(nobody("nothing")).agent, false, "while it is being said, the server takes no answer");
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

test("a server that said how things stand before the page saw the link come back is believed", () => {
  const talking = after(hello, phase("person"), { type: "person", state: "talking" });
  const told = [phase("person"), { type: "expecting", answer: "nothing" }, { type: "person", state: "talking" }];
  const gone = notice(link(talking, "interrupted"), phase("lapsed"));
  assert.equal(stateName(told.reduce(notice, gone)), "interrupted", "until the link is back");
  const back = link(told.reduce(notice, gone), "connected");
  assert.equal(stateName(back), "person");
  assert.equal(recording(back), "off");
  assert.equal(stateName(link(gone, "connected")), "unknown", "its word that we are gone is not that we are back");
  assert.equal(stateName(link(link(back, "interrupted"), "connected")), "unknown", "what was said before this break says nothing of after it");
});

test("what was told before the connection was seen to stand is known", () => {
  const early = notice(link(fresh(), "connecting"), hello);
  assert.equal(recording(link(early, "connected")), "off");
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

test("no is offered all through the opening, yes when the question has ended", () => {
  const putting = after(hello, phase("asking"), consent("requested"), { type: "expecting", answer: "nothing" });
  assert.deepEqual([offers(putting).yes, offers(putting).no, consentAsked(putting)], [false, true, true]);
  // In another language the opening begins anew; what was agreed to is open again.
  const anew = inDialog(...given, consent("invalidated"), phase("disclosing"));
  assert.equal(offers(anew).no, true);
  assert.equal(offers(notice(anew, consent("refused"))).no, false);
});

test("what was kept can be erased wherever the call is, and the button says what it does", () => {
  const keptOne = inDialog(...given, turn(1, true), ended(1, "kept"));
  assert.equal(withdrawal(keptOne), "stop");
  const over = [{ type: "recorder", on: false, reason: "handover" }, consent("expired")];
  for (const name of ["waiting", "nobody", "call-back", "person", "dialog"]) {
    const state = [...over, phase(name)].reduce(notice, keptOne);
    assert.deepEqual([offers(state).stop, withdrawal(state)], [true, "erase"], name);
  }
  const other = [{ type: "recorder", on: false, reason: "language" }, consent("invalidated"), phase("disclosing")].reduce(notice, keptOne);
  assert.deepEqual([offers(other).stop, withdrawal(other)], [true, "erase"]);
  const done = [consent("withdrawn"), { type: "erased", complete: true, kept: false }].reduce(notice, other);
  assert.equal(offers(done).stop, false);
});

test("where nothing can be withdrawn, nothing is offered", () => {
  assert.equal(withdrawal(inDialog(consent("expired"))), null, "nothing was kept");
  assert.equal(withdrawal(inDialog(consent("requested"), consent("invalidated"), turn(1, false), ended(1, "not-kept"))), null);
  const contract = { ...hello, purposes: [{ ...hello.purposes[0], basis: "contract" }] };
  const bound = after(contract, phase("dialog"), { type: "consent", purpose: "service-quality", basis: "contract", state: "given" }, { type: "recorder", on: true });
  assert.equal(withdrawal(bound), null, "the evidence of a contract stays");
  assert.equal(withdrawal(inDialog({ type: "recorder", on: true })), "stop", "a recorder that nobody accounts for can be stopped");
});

test("a note on the last answer stands while the question can still be answered", () => {
  const answered = (outcome) => ({ type: "answer", purpose: "service-quality", outcome });
  assert.equal(answerNote(after(hello, phase("asking"), answered("too-early"))), "too-early");
  // Who presses "a person" while being asked was not unclear.
  assert.equal(answerNote(after(hello, phase("asking"), phase("connecting"), answered("unclear"))), null);
  assert.equal(answerNote(inDialog(answered("silence"))), null);
});

test("a language is offered while the agent would follow it", () => {
  const at = (name) => offers(after(hello, phase(name))).language;
  assert.deepEqual(["disclosing", "asking", "dialog"].map(at), [true, true, true]);
  assert.deepEqual(["connecting", "waiting", "nobody", "call-back", "person", "lapsed"].map(at), Array(6).fill(false));
  assert.equal(offers(link(inDialog(), "interrupted")).language, false);
});

test("music has no row in the captions", () => {
  const state = after(hello, { ...saying(1, "other"), text: "" }, { type: "said", line: 1, outcome: "heard" });
  assert.deepEqual(state.lines, []);
});

test("the schema has every phase and every reason that the page tells apart", () => {
  const { phase: stage, recorder } = schema.$defs;
  assert.deepEqual(stage.properties.phase.enum, ["disclosing", "asking", "dialog", "connecting", "waiting", "nobody", "call-back", "person", "lapsed", "ended"]);
  assert.deepEqual(recorder.properties.reason.enum, ["withdrawn", "handover", "language", "lapsed", "ended", "failed"]);
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
