import assert from "node:assert/strict";
import { test } from "node:test";

import { backoff } from "../backoff.js";
import { NO_LOOK, measure } from "../quality.js";
import { buttonFor } from "../shortcuts.js";
import { arrived, title } from "../signals.js";
import { START } from "../state.js";

test("tries get further apart, up to fifteen seconds, and are spread", () => {
  assert.deepEqual([0, 1, 2, 5, 50].map((attempt) => backoff(attempt, 1)), [500, 1000, 2000, 15_000, 15_000]);
  assert.equal(backoff(50, 0), 7500);
});

const INBOUND = { type: "inbound-rtp", kind: "audio", packetsReceived: 190, packetsLost: 10, jitter: 0.012 };
const PAIR = { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.08 };

test("quality is that of the time since the last look", () => {
  const first = measure([INBOUND, PAIR], NO_LOOK);
  assert.deepEqual(first.quality, { lossPercent: 5, jitterMs: 12, roundTripMs: 80, grade: "fair" });
  const second = measure([{ ...INBOUND, packetsReceived: 290 }, PAIR], first.look);
  assert.equal(second.quality.lossPercent, 0);
  assert.equal(measure([{ ...INBOUND, packetsReceived: 290 }], second.look).quality, null, "nothing came in");
  assert.equal(measure([], second.look).quality, null);
});

test("late packets do not make a loss below nothing", () => {
  const { quality } = measure([{ ...INBOUND, packetsReceived: 300, packetsLost: 4 }], { received: 190, lost: 10 });
  assert.deepEqual([quality.lossPercent, quality.roundTripMs], [0, null]);
});

const keyPress = (key, more = {}) => ({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, repeat: false, ...more });

test("single keys press buttons, but not with Ctrl, held down, or in a field", () => {
  assert.equal(buttonFor(keyPress("t")), "take");
  assert.equal(buttonFor(keyPress("E", { shiftKey: true })), "hang-up");
  assert.equal(buttonFor(keyPress("e")), undefined);
  assert.equal(buttonFor(keyPress("t", { ctrlKey: true })), undefined);
  assert.equal(buttonFor(keyPress("t", { repeat: true })), undefined);
  assert.equal(buttonFor(keyPress("t", { target: { matches: () => true } })), undefined);
});

const seat = (waiting, more = {}) => ({ ...START, link: { phase: "signed-in" }, wish: { available: true }, waiting, ...more });
const caller = (id, mine = true) => ({ id, mine, next: mine });

test("a signal is for a new caller whom the colleague can take", () => {
  assert.equal(arrived(seat([]), seat([caller("a")])), 1);
  assert.equal(arrived(seat([caller("a")]), seat([caller("a")])), 0);
  assert.equal(arrived(seat([]), seat([caller("a", false)])), 0);
  assert.equal(arrived(seat([]), seat([caller("a")], { wish: { available: false } })), 0);
  assert.equal(arrived(seat([]), seat([caller("a")], { call: { phase: "connected" } })), 0);
});

test("the title counts those who wait for this seat", () => {
  assert.equal(title(seat([]), "Desk"), "Desk · Candor");
  assert.equal(title(seat([caller("a"), caller("b", false)]), "Desk"), "(1) Desk · Candor");
});
