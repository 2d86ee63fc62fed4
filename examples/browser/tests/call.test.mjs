// A call without a browser: what the module asks of one is stood in for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.js";
import { watchQuality } from "../quality.js";

const told = () => {
  const said = [];
  const tell = (name) => (...facts) => said.push([name, ...facts]);
  return { said, on: { link: tell("link"), notice: tell("notice"), problem: tell("problem"), microphoneGone: tell("microphone-gone") } };
};
const call = (on) => new Call({ endpoint: "https://example.net/webrtc", voice: {}, on });

/** Puts stand-ins in the place of what a browser has, until the test is over. */
function standIn(t, globals) {
  for (const [name, value] of Object.entries(globals)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
}

const silence = () => ({ getAudioTracks: () => ["silence"], getTracks: () => [] });
class Context {
  createMediaStreamDestination = () => ({ stream: silence() });
  resume = async () => {};
  close = async () => {};
}

test("hanging up while ICE servers are asked for leaves no connection behind", async (t) => {
  let answer;
  const made = [];
  standIn(t, {
    fetch: () => new Promise((resolve) => (answer = resolve)),
    AudioContext: Context,
    RTCPeerConnection: class {
      constructor() {
        made.push(this);
        throw new Error("no connection was to be made");
      }
    },
  });
  const { on, said } = told();
  const mine = call(on);
  const started = mine.start({ microphone: false, language: "nl" });
  while (!answer) await new Promise(setImmediate);
  await mine.hangUp();
  answer({ headers: new Headers() });
  await started;
  assert.deepEqual(made, []);
  assert.deepEqual(said.at(-1), ["link", "closed", "hung-up"]);
});

test("a microphone that goes away becomes silence, and is told; hanging up is not taken for that", async (t) => {
  standIn(t, { AudioContext: Context });
  const { on, said } = told();
  const mine = call(on);
  const track = { kind: "audio", enabled: true };
  let stopped = 0;
  const sent = [];
  mine.source = { stream: { getAudioTracks: () => [track] }, microphone: true, close: () => (stopped += 1) };
  mine.peer = { getSenders: () => [{ track: null }, { track, replaceTrack: async (other) => sent.push(other) }] };
  mine.watchMicrophone();
  track.onended();
  await new Promise(setImmediate);
  assert.deepEqual(said, [["microphone-gone"]]);
  assert.deepEqual(sent, ["silence"]);
  assert.equal(stopped, 1);
  assert.equal(mine.stream, null);
  mine.left = true;
  track.onended();
  await new Promise(setImmediate);
  assert.equal(said.length, 1);
});

test("a quality that was being measured when the watch ended is not shown", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let give;
  const peer = { connectionState: "connected", getStats: () => new Promise((resolve) => (give = resolve)) };
  const shown = [];
  const stop = watchQuality(peer, (now) => shown.push(now.word));
  t.mock.timers.tick(1_000);
  give(new Map([["in", { type: "inbound-rtp", kind: "audio", packetsReceived: 50, packetsLost: 0, jitter: 0.001 }]]));
  await new Promise(setImmediate);
  assert.deepEqual(shown, ["good"]);
  t.mock.timers.tick(1_000);
  stop();
  give(new Map());
  await new Promise(setImmediate);
  assert.deepEqual(shown, ["good"]);
});

test("a server without room says why, and the page knows a way out for each reason", async (t) => {
  standIn(t, { navigator: { onLine: true } });
  const { texts } = await import("../text.js");
  const codes = async (status, body) => {
    standIn(t, { fetch: async () => new Response(body, { status }) });
    const { on } = told();
    return call(on).offer("v=0", "nl").catch((problem) => problem.code);
  };
  const told503 = (reason) => codes(503, JSON.stringify({ reason, message: "not now", retryAfter: 5 }));
  assert.equal(await told503("calls"), "busy");
  assert.equal(await told503("openings"), "rush");
  assert.equal(await told503("stopping"), "renewing");
  assert.equal(await codes(503, "a proxy's own page"), "busy");
  assert.equal(await codes(429, ""), "too-many");
  for (const code of ["busy", "rush", "renewing", "too-many"]) for (const text of [texts.nl, texts.en]) assert.ok(text.problems[code].length > 20, code);
});
