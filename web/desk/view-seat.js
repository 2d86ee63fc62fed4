// The frame around the work: who is signed in, what is wrong, availability.

import { callState, sound } from "./derived.js";
import { byId, idle, make, replace, setText, show } from "./page.js";
import { endedKey } from "./view-call.js";

export function renderFrame(state, words, now) {
  const { phase, again } = state.link;
  const link = byId("link-state");
  link.dataset.phase = phase;
  setText(link, words.say(phase === "connecting" && again ? "link-again" : `link-${phase}`, state.seat?.name));
  show(byId("sign-out"), phase !== "signed-out");
  show(byId("signed-out"), phase === "signed-out");
  show(byId("seat"), phase !== "signed-out" && state.seat !== null);
  setText(byId("notice"), notice(state, words));
  renderProblem(state, words);
  tickRetry(state, words, now);
}

function notice(state, words) {
  if (!state.notice) return "";
  if (state.notice.startsWith("ended-")) return words.say(endedKey(state.notice.slice("ended-".length)));
  const available = state.notice === "signed-in-again" && state.wish.available;
  return words.word("notices", available ? "signed-in-again-available" : state.notice);
}

// Being offline is told when nothing more particular is.
const current = (state) => state.problem ?? (state.offline ? { code: "offline" } : null);

function renderProblem(state, words) {
  const problem = current(state);
  const box = byId("problem");
  if (problem) box.dataset.code = problem.code;
  else delete box.dataset.code;
  const [what, then] = problem ? words.problem(problem.code) : [];
  const advice = problem?.detail ? `${then} ${problem.detail}` : then;
  replace(box, problem ? [make("strong", { textContent: what }), make("p", { textContent: advice })] : []);
  const waits = state.link.phase === "lost";
  show(byId("retry-now"), waits);
  show(byId("retry-in"), waits);
  show(byId("play-sound"), problem?.code === "sound-blocked");
  show(byId("dismiss"), state.problem !== null && ["signed-in", "signed-out"].includes(state.link.phase));
  show(byId("problem-actions"), waits || state.problem !== null);
}

/** The seconds to the next try, once a second; outside the live region, which would speak each of them. */
export function tickRetry(state, words, now) {
  if (state.link.phase === "lost") setText(byId("retry-in"), words.say("retry-in", Math.max(0, Math.ceil((state.link.retryAt - now) / 1000))));
}

export function renderAvailability(state, words) {
  const { wish, seat, colleagues, microphone, link } = state;
  byId("available").setAttribute("aria-checked", String(wish.available));
  idle(byId("available"), link.phase !== "signed-in" || microphone.phase === "asking");
  setText(byId("availability-state"), words.say(availabilityState(state)));
  choices(byId("queues"), "queue", seat?.queues ?? [], wish.queues, (queue) => queue);
  choices(byId("languages"), "language", seat?.languages ?? [], wish.languages, words.language);
  setText(byId("colleagues"), colleagues ? `${words.say("colleagues-label")}: ${words.say("colleagues", colleagues.available, colleagues.busy)}` : "");
  setText(byId("microphone-state"), words.say(microphoneState(state)));
  show(byId("microphone-level"), microphone.phase === "testing" && !inCall(state));
  idle(byId("microphone-test"), microphone.phase === "asking" || microphone.phase === "testing" || state.call !== null);
}

function availabilityState({ wish, link, call }) {
  if (!wish.available) return "available-no";
  if (link.phase !== "signed-in") return "available-later";
  return call ? "available-after" : "available-yes";
}

const inCall = ({ call }) => call !== null && call.phase !== "wrap-up";

// In a call the truth about the microphone is whether anything of it is sent to somebody who hears it.
function microphoneState(state) {
  const { phase, heard } = state.microphone;
  if (inCall(state)) return `microphone-${sound(state).speak && callState(state) === "talking" ? "on" : "off"}`;
  return `microphone-${phase === "ready" ? (heard ? "heard" : "silent") : phase}`;
}

// The last one that is chosen cannot be left out: availability for nothing is `not available`, and has a switch of its own.
function choices(fieldset, name, all, chosen, label) {
  const [legend] = fieldset.children;
  const boxes = new Map([...fieldset.querySelectorAll("input")].map((box) => [box.value, box]));
  if (boxes.size !== all.length || all.some((value) => !boxes.has(value))) {
    fieldset.replaceChildren(legend, ...all.map((value) => make("label", {}, make("input", { type: "checkbox", name, value }), make("span"))));
  }
  for (const box of fieldset.querySelectorAll("input")) {
    box.checked = chosen.includes(box.value);
    box.disabled = box.checked && chosen.length === 1;
    setText(box.nextElementSibling, label(box.value));
  }
}
