// What the desk does: carries out what the colleague presses and what the server's messages ask of the page. State changes go through the reducer alone.

import { connection } from "./connection.js";
import { sound } from "./derived.js";
import { closeMicrophone, listen, openMicrophone } from "./microphone.js";
import { openPeer } from "./peer.js";
import { NO_LOOK, measure } from "./quality.js";
import { START, reduce } from "./state.js";

const TEST_MS = 6000;
const SLOW_MS = 10_000;
const QUALITY_MS = 2000;

/** Milliseconds of a clock that is not set forward or back. */
export const now = () => performance.now();

/**
 * @param {object} page
 * @param {URL} page.url of the server's desk events
 * @param {HTMLAudioElement} page.speaker
 * @param {(after: object, before: object) => void} page.changed
 * @param {(level: number) => void} page.level of the microphone during a test
 */
export function desk({ url, speaker, changed, level }) {
  let state = START;
  // The live half of a call: {peer, microphone, timers}. What can be shown of it is in the state.
  let live = null;

  function dispatch(event) {
    const before = state;
    state = reduce(state, event);
    if (state === before) return;
    if (live && (!state.call || state.call.phase === "wrap-up")) hushed();
    live?.peer?.sound(sound(state));
    changed(state, before);
  }

  const line = connection(url, {
    connecting: () => dispatch({ type: "connecting" }),
    lost: (inMs) => dispatch({ type: "lost", retryAt: now() + inMs }),
    message: receive,
  });

  async function receive(message) {
    const taking = state.call?.phase === "taking";
    dispatch({ type: "server", message, at: now() });
    if (message.type === "signed-in" && state.wish.available) sendAvailability();
    if (message.type === "taken") {
      // A caller whom this page did not ask for, or not any more, must not wait for sound that never comes.
      if (!taking || !live?.peer) line.send({ type: "return" });
      else await connect(message.sdp);
    }
  }

  // The microphone off and the sound away, the moment there is no call.
  function hushed() {
    const { peer, microphone, timers } = live;
    live = null;
    timers.forEach(clearTimeout);
    peer?.close();
    if (microphone) closeMicrophone(microphone);
  }

  const problem = (code, detail) => dispatch({ type: "problem", code, detail });

  function sendAvailability() {
    const { available, queues, languages } = state.wish;
    line.send({ type: "availability", available, queues, languages });
  }

  async function testMicrophone() {
    dispatch({ type: "microphone", phase: "asking" });
    let microphone;
    try {
      microphone = await openMicrophone();
    } catch (refused) {
      dispatch({ type: "microphone", phase: "unknown" });
      problem(refused.code);
      return false;
    }
    dispatch({ type: "problem-over", codes: ["microphone-denied", "microphone-missing", "microphone-busy", "microphone-gone"] });
    dispatch({ type: "microphone", phase: "testing" });
    // The test goes on by itself: having the microphone is enough to be available.
    listen(microphone, level, TEST_MS)
      .catch(() => false)
      .then((heard) => {
        closeMicrophone(microphone);
        dispatch({ type: "microphone", phase: "ready", heard });
      });
    return true;
  }

  async function take() {
    if (live || state.call) return;
    const mine = { peer: null, microphone: null, timers: [] };
    live = mine;
    dispatch({ type: "taking" });
    try {
      mine.microphone = await openMicrophone();
      if (live !== mine) return closeMicrophone(mine.microphone);
      mine.peer = await openPeer({
        iceServers: state.seat.iceServers,
        microphone: mine.microphone,
        speaker,
        on: { state: peerState, blocked: () => problem("sound-blocked"), microphoneGone },
      });
    } catch (refused) {
      if (live !== mine) return;
      dispatch({ type: "take-failed" });
      problem(refused.code ?? "peer-failed");
      return;
    }
    // The connection may have been lost in between; then the state has let go of the call.
    if (live !== mine) {
      mine.peer.close();
      return;
    }
    line.send({ type: "take", sdp: mine.peer.offer });
    mine.timers.push(setTimeout(() => state.call?.phase === "taking" && problem("take-slow"), SLOW_MS));
  }

  async function connect(answer) {
    const mine = live;
    dispatch({ type: "problem-over", codes: ["take-slow"] });
    try {
      await mine.peer.answer(answer);
    } catch {
      if (live === mine) peerState("failed");
      return;
    }
    if (live === mine) watch(mine);
  }

  function watch(mine) {
    let look = NO_LOOK;
    const timer = setInterval(async () => {
      const measured = measure((await mine.peer.stats()).values(), look);
      look = measured.look;
      if (live === mine) dispatch({ type: "quality", quality: measured.quality });
    }, QUALITY_MS);
    mine.timers.push(timer);
  }

  function peerState(now_) {
    if (now_ === "connected") {
      dispatch({ type: "own-sound", change: { peerDown: false } });
      dispatch({ type: "problem-over", codes: ["peer-unstable"] });
    }
    if (now_ === "disconnected" || now_ === "failed") dispatch({ type: "own-sound", change: { peerDown: true } });
    if (now_ === "disconnected") problem("peer-unstable");
    if (now_ === "failed") {
      problem(state.call?.phase === "connected" ? "peer-failed-in-call" : "peer-failed");
      leave("return");
    }
  }

  function microphoneGone() {
    dispatch({ type: "own-sound", change: { microphoneGone: true } });
    problem("microphone-gone");
  }

  function leave(how) {
    if (!["connecting", "connected"].includes(state.call?.phase)) return;
    // The microphone is off from here on, whatever the server does. Who was never connected lets the caller wait on, by either way.
    dispatch({ type: "leaving", how: state.call.phase === "connecting" ? "wait-on" : how });
    line.send({ type: how });
  }

  return {
    state: () => state,
    dispatch,
    testMicrophone,
    take,
    signIn: (token) => line.signIn(token),
    signOut() {
      line.signOut();
      dispatch({ type: "signed-out" });
    },
    retry: () => line.retry(),
    async setAvailable(available) {
      if (available && !(await testMicrophone())) return;
      // Signed out while the browser asked.
      if (!state.seat) return;
      dispatch({ type: "wish", wish: { available } });
      sendAvailability();
    },
    choose(wish) {
      dispatch({ type: "wish", wish });
      if (state.wish.available) sendAvailability();
    },
    hold() {
      if (state.call?.phase !== "connected") return;
      dispatch({ type: "hold", on: !state.call.holdWanted });
      line.send({ type: "hold", on: state.call.holdWanted });
    },
    mute() {
      if (state.call?.phase !== "connected") return;
      dispatch({ type: "mute", on: !state.call.muted });
      line.send({ type: "mute", on: state.call.muted });
    },
    leave,
    wrapUp(outcome) {
      if (line.send({ type: "wrap-up", outcome })) dispatch({ type: "wrapped-up" });
    },
    callBackDone(id) {
      if (line.send({ type: "call-back-done", id })) dispatch({ type: "deleting", id });
    },
    async playSound() {
      await speaker.play();
      dispatch({ type: "problem-over", codes: ["sound-blocked"] });
    },
  };
}
