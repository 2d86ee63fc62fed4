import assert from "node:assert/strict";
import { test } from "node:test";

import { callState, sound, whyNotTake } from "../derived.js";
import { START, reduce } from "../state.js";
import { speak } from "../text.js";
import { endedKey } from "../view-call.js";

const server = (message, at = 0) => ({ type: "server", message, at });
const run = (events, from = START) => events.reduce(reduce, from);

const SIGNED_IN = server({ type: "signed-in", name: "anna", queues: ["service-desk", "returns"], languages: ["nl", "en"], "ice-servers": [], "call-backs": true });
const CALLER = { call: "c1", queue: "service-desk", "waited-ms": 41_000, reason: "asked", language: "nl", consent: { "service-quality": "refused" }, slots: { order_number: "81726354" }, next: true, mine: true };
const QUEUE = server({ type: "queue", waiting: [CALLER], colleagues: { available: 1, busy: 0 } }, 50_000);
const TAKEN = server({ ...CALLER, type: "taken", sdp: "v=0", recording: false }, 60_000);
const AVAILABLE = { type: "wish", wish: { available: true } };
const TAKING = { type: "taking" };
const CONNECTED = server({ type: "connected" }, 61_000);
const ENDED = server({ type: "ended", by: "caller" }, 91_000);
const IN_CALL = [{ type: "connecting" }, SIGNED_IN, AVAILABLE, QUEUE, TAKING, TAKEN, CONNECTED];

test("signing in offers all of the seat, and is not available by itself", () => {
  const state = run([{ type: "connecting" }, SIGNED_IN]);
  assert.deepEqual(state.wish, { available: false, queues: ["service-desk", "returns"], languages: ["nl", "en"] });
  assert.equal(whyNotTake(state), "not-available");
});

test("a wait counts on from what the server measured", () => {
  const [caller] = run([SIGNED_IN, QUEUE]).waiting;
  assert.equal(70_000 - caller.since, 61_000);
});

test("what a refusing caller gets is what a consenting caller gets", () => {
  const row = (consent) => {
    const { consent: _, ...rest } = run([server({ type: "queue", waiting: [{ ...CALLER, consent }] })]).waiting[0];
    return rest;
  };
  assert.deepEqual(row({ "service-quality": "refused" }), row({ "service-quality": "given" }));
});

test("the order of the list is the server's", () => {
  const waiting = ["c3", "c1", "c2"].map((call) => ({ ...CALLER, call, next: false }));
  assert.deepEqual(run([server({ type: "queue", waiting })]).waiting.map(({ id }) => id), ["c3", "c1", "c2"]);
});

test("a caller can be taken only when available, connected, free, and somebody fits", () => {
  assert.equal(whyNotTake(START), "not-connected");
  assert.equal(whyNotTake(run([SIGNED_IN, AVAILABLE])), "nobody");
  assert.equal(whyNotTake(run([SIGNED_IN, AVAILABLE, QUEUE])), null);
  assert.equal(whyNotTake(run(IN_CALL)), "in-call");
  assert.equal(whyNotTake(run([...IN_CALL, ENDED])), "wrap-up");
  assert.equal(whyNotTake(run([...IN_CALL, ENDED, { type: "wrapped-up" }])), null);
});

test("a call goes from taking to connecting to talking, and only then is anything heard", () => {
  const silent = { speak: false, hear: false };
  const states = [TAKING, TAKEN, CONNECTED].map((_, index, all) => run([SIGNED_IN, AVAILABLE, QUEUE, ...all.slice(0, index + 1)]));
  assert.deepEqual(states.map(callState), ["taking", "connecting", "talking"]);
  assert.deepEqual(states.map(sound), [silent, silent, { speak: true, hear: true }]);
});

test("the session description does not stay", () => {
  assert.ok(!JSON.stringify(run(IN_CALL)).includes("v=0"));
});

test("hold is silent both ways, and shown, from the press until both sides are off it", () => {
  const pressed = run([...IN_CALL, { type: "hold", on: true }]);
  assert.deepEqual(sound(pressed), { speak: false, hear: false });
  assert.equal(callState(pressed), "hold");
  const held = reduce(pressed, server({ type: "call", state: "hold" }));
  assert.equal(callState(held), "hold");
  const back = reduce(held, { type: "hold", on: false });
  assert.equal(callState(back), "hold");
  assert.deepEqual(sound(back), { speak: false, hear: false }, "until the server has taken the caller off hold");
  assert.deepEqual(sound(reduce(back, server({ type: "call", state: "talking" }))), { speak: true, hear: true });
});

test("mute holds the microphone back at once, over hold and back", () => {
  const muted = run([...IN_CALL, { type: "mute", on: true }]);
  assert.equal(callState(muted), "muted");
  const back = run([{ type: "hold", on: true }, server({ type: "call", state: "hold" }), { type: "hold", on: false }, server({ type: "call", state: "talking" })], muted);
  assert.equal(callState(back), "muted");
  assert.deepEqual(sound(back), { speak: false, hear: true });
});

test("unmuted on this side alone is still shown as muted", () => {
  const state = run([...IN_CALL, server({ type: "call", state: "muted" })]);
  assert.equal(callState(state), "muted");
});

test("the call is not said to be heard while the colleague's own sound is gone", () => {
  const own = (change) => ({ type: "own-sound", change });
  const gone = run([...IN_CALL, own({ microphoneGone: true })]);
  assert.equal(callState(gone), "muted");
  assert.equal(callState(reduce(gone, { type: "problem-over" })), "muted", "also when the message is put away");
  const down = run([...IN_CALL, own({ peerDown: true })]);
  assert.equal(callState(down), "unstable");
  assert.equal(callState(reduce(down, own({ peerDown: false }))), "talking");
  assert.equal(callState(reduce(down, server({ type: "call", state: "interrupted" }))), "interrupted");
  const next = [ENDED, { type: "wrapped-up" }, QUEUE, TAKING, TAKEN, CONNECTED];
  assert.equal(callState(run(next, gone)), "talking", "the next call has its own microphone");
});

test("a caller who is away when the two are connected is not said to be heard", () => {
  assert.equal(callState(run([...IN_CALL, server({ type: "call", state: "interrupted" })])), "interrupted");
});

test("a press to leave closes the microphone before the server answers", () => {
  assert.equal(sound(run([...IN_CALL, { type: "leaving", how: "hang-up" }])).speak, false);
});

test("an error gives the call back as the server has it", () => {
  const failed = server({ type: "error", message: "no" });
  assert.equal(run([SIGNED_IN, AVAILABLE, QUEUE, TAKING, failed]).call, null);
  const state = run([...IN_CALL, { type: "hold", on: true }, failed]);
  assert.deepEqual([state.call.holdWanted, state.problem], [false, { code: "server", detail: "no" }]);
});

test("every refusal of the server has its own words, and only those of a take end it", () => {
  const ofATake = ["in-call", "wrap-up-first", "no-sound", "bad-message"];
  const others = ["signed-in-already", "no-hearing", "no-call", "no-call-back", "call-back-not-deleted", "end-call-first"];
  for (const code of [...ofATake, ...others]) {
    const state = run([SIGNED_IN, AVAILABLE, QUEUE, TAKING, server({ type: "error", code, message: "for developers" })]);
    assert.equal(state.call === null, ofATake.includes(code), code);
    assert.equal(state.problem.detail, undefined, code);
    for (const tag of ["nl", "en"]) assert.equal(speak(tag).problem(state.problem.code)?.length, 2, `${code} in ${tag}`);
  }
});

test("a refusal with a code that this page does not know shows what the server said", () => {
  const state = run([SIGNED_IN, AVAILABLE, QUEUE, TAKING, server({ type: "error", code: "full-moon", message: "the moon is full" })]);
  assert.deepEqual([state.problem, state.call.phase], [{ code: "server", detail: "the moon is full" }, "taking"]);
});

test("a call-back that could not be deleted can be tried again, and touches no call", () => {
  const refused = server({ type: "error", code: "call-back-not-deleted", message: "no" });
  const leaving = run([...IN_CALL, { type: "hold", on: true }, { type: "leaving", how: "hang-up" }, { type: "deleting", id: "r1" }, refused]);
  assert.deepEqual(leaving.deleting, []);
  assert.deepEqual([leaving.call.holdWanted, leaving.call.leaving], [true, "hang-up"]);
  assert.equal(sound(leaving).speak, false);
  const held = run([...IN_CALL, { type: "hold", on: true }, { type: "deleting", id: "r1" }, server({ type: "error", code: "no-hearing", message: "no" })]);
  assert.deepEqual([held.call.holdWanted, held.deleting], [false, ["r1"]]);
});

test("a wrap-up that the server closed frees the colleague and says so", () => {
  const freed = run([...IN_CALL, ENDED, server({ type: "freed" })]);
  assert.deepEqual([freed.call, freed.notice], [null, "freed"]);
  assert.equal(whyNotTake(reduce(freed, QUEUE)), null);
  assert.equal(run([...IN_CALL, server({ type: "freed" })]).call.phase, "connected");
});

test("new ways for the sound are used by the next call", () => {
  const servers = [{ urls: ["turn:example.net"], username: "u", credential: "c" }];
  assert.deepEqual(run([SIGNED_IN, server({ type: "ice", "ice-servers": servers })]).seat.iceServers, servers);
  assert.equal(run([server({ type: "ice", "ice-servers": servers })]).seat, null);
});

test("every end of a call has its own words", () => {
  const ends = ["caller", "caller-lost", "went-back", "colleague", "returned", "waits-on", "lost", "failed"];
  for (const tag of ["nl", "en"]) {
    const said = ends.map((by) => speak(tag).say(endedKey(by)));
    assert.equal(new Set(said).size, ends.length);
    assert.ok(said.every((words) => words && words !== speak(tag).say("ended-other")));
  }
  assert.equal(endedKey("full-moon"), "ended-other");
});

test("that a number was copied is shown while it is open", () => {
  const request = { id: "r1", queue: "service-desk" };
  const requests = server({ type: "call-backs", "call-backs": [request] });
  const copied = run([SIGNED_IN, requests, { type: "opened", id: "r1", number: "+31201234567" }, { type: "copied", id: "r1" }]);
  assert.equal(copied.copied, "r1");
  for (const event of [{ type: "closed", id: "r1" }, { type: "key", key: null }, server({ type: "call-backs", "call-backs": [] }), { type: "lost", retryAt: 1 }, { type: "signed-out" }]) {
    assert.equal(reduce(copied, event).copied, null, event.type);
  }
});

test("when a call ends nothing of the caller stays", () => {
  const state = run([...IN_CALL, server({ type: "queue", waiting: [] }), ENDED]);
  assert.deepEqual(state.call, { phase: "wrap-up", by: "caller", talkedMs: 30_000 });
  assert.ok(!JSON.stringify(state).includes("81726354"));
});

test("recording is said to be off only when the server says that it is", () => {
  assert.equal(run(IN_CALL).call.recording, false);
  const { recording: _, ...unsaid } = TAKEN.message;
  assert.equal(run([SIGNED_IN, TAKING, server(unsaid)]).call.recording, true);
});

test("nobody waiting ends the take and says so", () => {
  const state = run([SIGNED_IN, AVAILABLE, QUEUE, TAKING, server({ type: "nobody-waiting" })]);
  assert.deepEqual([state.call, state.notice], [null, "nobody-waiting"]);
});

test("a lost connection lets go of all that came from the server, and keeps what was chosen", () => {
  const narrow = { type: "wish", wish: { queues: ["returns"] } };
  const lost = run([...IN_CALL, narrow, { type: "lost", retryAt: 5 }]);
  assert.ok(!JSON.stringify(lost).includes("81726354"));
  assert.deepEqual([lost.call, lost.problem.code], [null, "lost-in-call"]);
  const again = run([{ type: "connecting" }, { type: "lost", retryAt: 9 }, { type: "connecting" }, SIGNED_IN], lost);
  assert.deepEqual(again.wish, { available: true, queues: ["returns"], languages: ["nl", "en"] });
  assert.deepEqual([again.notice, again.problem.code], ["signed-in-again", "lost-in-call"]);
});

test("nobody is said to wait, or to have left a request, only when the server has said so", () => {
  const empty = [SIGNED_IN, server({ type: "queue", waiting: [] }), server({ type: "call-backs", "call-backs": [] })];
  assert.deepEqual(run([SIGNED_IN]).known, { waiting: false, callBacks: false });
  assert.deepEqual(run(empty).known, { waiting: true, callBacks: true });
  assert.deepEqual(run([...empty, { type: "lost", retryAt: 1 }]).known, { waiting: false, callBacks: false });
});

test("every refusal signs out, with its own words, and leaves nothing of the seat", () => {
  for (const reason of ["token", "elsewhere", "limit", "time"]) {
    const state = run([...IN_CALL, server({ type: "refused", reason })]);
    assert.deepEqual([state.link.phase, state.problem.code, state.seat, state.call, state.waiting], ["signed-out", `refused-${reason}`, null, null, []]);
  }
});

test("an opened number leaves with its request, with the key, and with the sign-out", () => {
  const request = { id: "r1", queue: "service-desk" };
  const opened = run([SIGNED_IN, server({ type: "call-backs", "call-backs": [request] }), { type: "key", key: { id: "k", kept: false } }, { type: "opened", id: "r1", number: "+31201234567" }]);
  assert.equal(opened.opened.r1, "+31201234567");
  for (const event of [server({ type: "call-backs", "call-backs": [] }), { type: "key", key: null }, { type: "signed-out" }, { type: "lost", retryAt: 1 }, { type: "closed", id: "r1" }]) {
    assert.ok(!JSON.stringify(reduce(opened, event)).includes("+31201234567"), event.type);
  }
  assert.deepEqual(reduce(START, { type: "opened", id: "r1", number: "+31201234567" }).opened, {}, "a request that has gone meanwhile");
});

test("a message of a newer server changes nothing", () => {
  const state = run(IN_CALL);
  assert.equal(reduce(state, server({ type: "something-new" })), state);
});

test("a call in which nobody was heard has no wrap-up, and what became of it is told", () => {
  const taking = [server({ type: "signed-in", name: "anna", queues: ["q"], languages: ["nl"] }), { type: "taking" }, server({ type: "taken", call: "c", "waited-ms": 0, recording: false })];
  const state = [...taking, server({ type: "ended", by: "waits-on", "wrap-up": false })].reduce(reduce, START);
  assert.equal(state.call, null);
  assert.equal(state.notice, "ended-waits-on");
});
