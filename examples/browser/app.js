// The page: joins the call, the state and the view.

import { Call } from "./call.js";
import { byId, loadIcons, setIcon, setText, show } from "./dom.js";
import { fresh, link, notice } from "./events.js";
import { Keypad } from "./keypad.js";
import { watchLevel } from "./level.js";
import { UNMEASURED, watchQuality } from "./quality.js";
import { ownName, preferred, texts } from "./text.js";
import { offers } from "./truth.js";
import { draw, drawProblem, drawQuality, drawTexts } from "./view.js";

/** After these, answering with keys is a way on. */
const KEYS_HELP = new Set(["denied", "no-microphone", "microphone-busy", "microphone-failed", "insecure"]);
/** These stand until the person has done something about them: a connection that comes back does not mend them. */
const LASTING = new Set(["silent", "microphone-gone"]);
const BUTTONS = ["yes", "no", "stop", "ask-again", "repeat", "person", "agent", "call-back"];

let state = fresh();
let call = null;
let problem = null;
let muted = false;
let heardLevel = 0;
let measured = UNMEASURED;
let stopWatching = () => {};

/** A dialog may speak a language that the page has no words in: `?language=ko` asks for it. */
let spoken = new URLSearchParams(location.search).get("language");
let shown = preferred(spoken && texts[spoken.split("-")[0]] ? [spoken] : navigator.languages);
spoken ??= shown;
const text = () => texts[shown];

const keypad = new Keypad((key) => call?.send({ type: "key", key }) ?? false);

function start(microphone) {
  if (call) return;
  problem = null;
  muted = false;
  measured = UNMEASURED;
  state = { ...fresh(), microphone };
  const mine = new Call({ endpoint: new URL("webrtc", document.baseURI).href, voice: byId("voice"), on: {} });
  // What a call that is over still says is not about this page's call.
  const current = (then) => (...facts) => mine === call && then(...facts);
  mine.on = {
    link: current(linkChanged),
    notice: current((message) => {
      const saidBefore = state.lines.at(-1)?.line;
      state = { ...notice(state, message), microphone: state.microphone };
      if (message.type === "language" || message.type === "hello") followLanguage(message.language);
      if (state.lines.at(-1)?.line !== saidBefore) keypad.clear();
      render();
    }),
    problem: current((code) => {
      problem = code;
      render();
    }),
    microphoneGone: current(() => {
      problem = "microphone-gone";
      state = { ...state, microphone: false };
      if (state.link === "connected") watch();
      render();
    }),
  };
  call = mine;
  void mine.start({ microphone, language: spoken });
  render();
  byId("state").focus({ preventScroll: true });
  byId("state").scrollIntoView({ block: "start" });
}

function linkChanged(to, why) {
  state = link(state, to, why);
  // What was measured before a break says nothing of the connection now.
  if (to !== "connected") stopMeasuring();
  if (to === "connected") {
    if (problem && !LASTING.has(problem)) problem = null;
    watch();
  }
  if (to === "closed") {
    call = null;
    render();
    (problem ? byId("problem") : byId("state")).focus({ preventScroll: true });
    return;
  }
  render();
}

function stopMeasuring() {
  stopWatching();
  stopWatching = () => {};
  measured = UNMEASURED;
  heardLevel = 0;
}

function watch() {
  stopMeasuring();
  const stops = [
    watchQuality(call.peer, (now) => {
      measured = now;
      drawQuality(measured, text());
    }),
  ];
  if (call.stream) {
    stops.push(
      watchLevel(call.stream, (level) => {
        heardLevel = level;
        drawLevel();
      }),
    );
  }
  stopWatching = () => stops.forEach((stop) => stop());
}

function press(button) {
  if (byId(button).hidden || byId(button).classList.contains("reserved")) return;
  call?.send({ type: "button", button });
}

function toggleMute() {
  if (!call?.stream) return;
  muted = !muted;
  call.mute(muted);
  render();
}

/** Without a call the page follows at once. In a call the agent is asked, and list and page follow when it says what it speaks. */
function choose(language) {
  if (!call) followLanguage(language);
  else if (state.language !== language) call.send({ type: "language", language });
  render();
}

/** The page goes along with what is spoken, where it has the words. */
function followLanguage(language) {
  spoken = language;
  showIn(language);
}

function showIn(language) {
  const base = language.split("-")[0];
  if (!Object.hasOwn(texts, base) || base === shown) return;
  shown = base;
  drawTexts(text());
}

function render() {
  document.documentElement.lang = shown;
  const live = call !== null;
  draw(state, text());
  drawProblem(problem, KEYS_HELP.has(problem) && !live, text());
  drawQuality(measured, text());
  drawLanguages();
  keypad.draw(text());
  keypad.enable(state.link === "connected" && !state.ended);
  show(byId("welcome"), state.link === "idle" || state.link === "closed", byId("state"));
  show(byId("intro"), state.link === "idle");
  show(byId("call"), live || state.wasConnected, byId("state"));
  show(byId("in-call"), live, byId("state"));
  show(byId("quality"), live, byId("state"));
  setText(byId("start-words"), state.link === "closed" ? text().again : text().start);
  setText(byId("start-keys-words"), state.link === "closed" ? text().againKeys : text().startKeys);
  const microphone = live && state.microphone === true;
  show(byId("microphone"), microphone, byId("state"));
  show(byId("no-microphone"), live && !state.microphone);
  // With a person it is they who listen.
  show(byId("not-heard"), microphone && state.hello !== null && !state.hears && !["person", "waiting"].includes(state.phase));
  byId("mute").dataset.muted = muted;
  setText(byId("mute-words"), muted ? text().unmute : text().mute);
  setIcon(byId("mute-icon"), muted ? "mic-off" : "mic");
  drawLevel();
}

function drawLevel() {
  byId("level").value = muted ? 0 : heardLevel;
  setText(byId("level-words"), text().levels[muted ? "muted" : heardLevel > 0.2 ? "heard" : "silent"]);
}

function drawLanguages() {
  const list = byId("language");
  const offered = [...new Set([...(state.hello?.languages ?? Object.keys(texts)), spoken])];
  if (list.dataset.offered !== offered.join()) {
    list.dataset.offered = offered.join();
    list.replaceChildren(
      ...offered.map((language) => {
        const option = new Option(ownName(language), language);
        option.lang = language;
        return option;
      }),
    );
  }
  list.value = spoken;
  // A choice that nobody would follow is not offered.
  const locked = call !== null && !offers(state).language;
  if (locked && document.activeElement === list) byId("state").focus({ preventScroll: true });
  list.disabled = locked;
}

function typed(event) {
  if (!byId("shortcuts-on").checked || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.closest?.("input, select, textarea, [contenteditable]") || !call) return;
  if (keypad.typed(event.key)) return event.preventDefault();
  const button = text().shortcutLetters[event.key.toLowerCase()];
  if (!button) return;
  event.preventDefault();
  if (button === "mute") toggleMute();
  else press(button);
}

byId("start").addEventListener("click", () => start(true));
byId("start-keys").addEventListener("click", () => start(false));
byId("problem-keys").addEventListener("click", () => start(false));
byId("problem-hear").addEventListener("click", () => {
  problem = null;
  void byId("voice").play();
  render();
});
byId("hang-up").addEventListener("click", () => call?.hangUp());
byId("mute").addEventListener("click", toggleMute);
for (const button of BUTTONS) byId(button).addEventListener("click", () => press(button));
byId("language").addEventListener("change", (event) => choose(event.target.value));
byId("captions-aloud").addEventListener("change", ({ target }) => byId("captions").setAttribute("aria-live", target.checked ? "polite" : "off"));
document.addEventListener("keydown", typed);
addEventListener("pagehide", () => call?.abandon());

drawTexts(text());
render();
// Without pictures the words still stand.
loadIcons().catch(() => {});
