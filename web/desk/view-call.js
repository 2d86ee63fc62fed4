// The call, and rounding it off.

import { callState } from "./derived.js";
import { byId, make, replace, setText, show } from "./page.js";
import { clock } from "./text.js";
import { consent, slots } from "./view-caller.js";

const BUTTONS = ["hold", "mute", "return", "hang-up"];
/** Until the two hear each other there is nothing to hold, and nobody to hang up on. */
const EARLY = "wait-on";

export function renderCall(state, words, now) {
  const { call } = state;
  const how = callState(state);
  const open = how !== null && how !== "wrap-up";
  const panel = byId("call");
  show(panel, open);
  panel.dataset.state = open ? how : "none";
  renderWrapUp(call, words);
  if (!open) {
    replace(byId("call-facts"), []);
    for (const id of ["call-state", "recording-state", "quality"]) setText(byId(id), "");
    return;
  }
  const taken = call.phase !== "taking";
  const recording = byId("recording-state");
  recording.dataset.recording = taken ? String(call.recording) : "unknown";
  setText(recording, words.say(taken ? (call.recording ? "is-recorded" : "not-recorded") : "recording-not-known"));
  setText(byId("call-state"), words.say(call.leaving ? `call-leaving-${call.leaving}` : `call-${how}`));
  replace(byId("call-facts"), taken ? facts(call, words, now) : []);
  byId("hold").setAttribute("aria-pressed", String(call.holdWanted));
  byId("mute").setAttribute("aria-pressed", String(call.muted));
  const connected = call.phase === "connected";
  show(byId(EARLY), !connected);
  byId(EARLY).disabled = !taken || call.leaving !== undefined;
  for (const id of BUTTONS) {
    show(byId(id), connected);
    byId(id).disabled = call.leaving !== undefined;
  }
  setText(byId("quality"), call.phase === "connected" ? quality(call.quality, words) : "");
}

/** The time in the call alone, once a second. */
export function tickCall(state, now) {
  const time = byId("call-facts").querySelector(".time");
  if (time && state.call?.since !== undefined) setText(time, clock(now - state.call.since));
}

function facts(call, words, now) {
  const fact = (name, content, className = "") => make("div", { className }, make("dt", { textContent: words.say(name) }), make("dd", {}, content));
  return [
    fact("column-slots", slots(call, words), "slots"),
    fact("call-time", make("span", { className: "time", textContent: call.since === undefined ? "–" : clock(now - call.since) })),
    fact("call-waited", clock(call.waitedMs)),
    fact("column-reason", words.word("reasons", call.reason)),
    fact("column-language", words.language(call.language)),
    fact("column-queue", call.queue),
    fact("column-consent", consent(call, words)),
  ];
}

function quality(measured, words) {
  if (!measured) return `${words.say("quality")}: ${words.say("quality-none")}`;
  const numbers = [words.say("quality-loss", words.percent(measured.lossPercent)), words.say("quality-jitter", measured.jitterMs)];
  if (measured.roundTripMs !== null) numbers.push(words.say("quality-round-trip", measured.roundTripMs));
  return `${words.say("quality")}: ${words.say(`quality-${measured.grade}`)} (${numbers.join(", ")})`;
}

const ENDS = ["caller", "caller-lost", "went-back", "colleague", "returned", "waits-on", "lost", "failed"];

/** The text's key for how a call ended; an end that this page does not know is just an end. */
export const endedKey = (by) => `ended-${ENDS.includes(by) ? by : "other"}`;

function renderWrapUp(call, words) {
  const over = call?.phase === "wrap-up";
  show(byId("wrap-up"), over);
  if (!over) return byId("wrap-up-form").reset();
  const ended = byId("ended");
  ended.dataset.by = call.by;
  const sentences = [words.say(endedKey(call.by))];
  if (call.talkedMs !== null) sentences.push(words.say("talked-for", clock(call.talkedMs)));
  setText(ended, sentences.join(" "));
}
