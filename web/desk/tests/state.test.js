import assert from "node:assert/strict";
import { test } from "node:test";

import { callState, sound, whyNotTake } from "../derived.js";
import { START, reduce } from "../state.js";

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

test("hold is silent both ways from the press, and shown when the server says so", () => {
  const pressed = run([...IN_CALL, { type: "hold", on: true }]);
  assert.deepEqual(sound(pressed), { speak: false, hear: false });
  assert.equal(callState(pressed), "talking");
  const held = reduce(pressed, server({ type: "call", state: "hold" }));
  assert.equal(callState(held), "hold");
  const back = reduce(held, { type: "hold", on: false });
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

test("a press to leave closes the microphone before the server answers", () => {
  assert.equal(sound(run([...IN_CALL, { type: "leaving", how: "hang-up" }])).speak, false);
});

test("an error gives the call back as the server has it", () => {
  const failed = server({ type: "error", message: "no" });
  assert.equal(run([SIGNED_IN, AVAILABLE, QUEUE, TAKING, failed]).call, null);
  const state = run([...IN_CALL, { type: "hold", on: true }, failed]);
  assert.deepEqual([state.call.holdWanted, state.problem], [false, { code: "server", detail: "no" }]);
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
