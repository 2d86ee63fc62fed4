// Draws the state. Every text is chosen here from what `truth` says; nothing is decided.

import { drawCaptions } from "./captions.js";
import { byId, icon, make, reserve, setIcon, setText, show } from "./dom.js";
import { drawTimeline } from "./timeline.js";
import { answerNote, consentAsked, disclosure, endOf, heardPercent, offers, recordingLine, stateName, turnsKnown, withdrawal } from "./truth.js";

/** Per state: the picture, and the tone that colours the panel. */
const LOOKS = {
  idle: ["phone", "quiet"],
  connecting: ["dots", "busy"],
  unknown: ["unknown", "doubt"],
  disclosing: ["speaker", "busy"],
  asked: ["question", "asking"],
  refused: ["record-off", "safe"],
  "not-recording": ["record-off", "safe"],
  ready: ["record-off", "asking"],
  recording: ["record", "recording"],
  stopped: ["record-off", "asking"],
  erasing: ["erased", "asking"],
  erased: ["erased", "safe"],
  "partly-kept": ["partly", "asking"],
  "connecting-person": ["dots", "busy"],
  waiting: ["waiting", "busy"],
  "person-coming": ["person", "busy"],
  nobody: ["person", "asking"],
  "call-back": ["keypad", "busy"],
  person: ["person", "safe"],
  hold: ["pause", "busy"],
  "person-gone": ["dots", "busy"],
  interrupted: ["link-broken", "doubt"],
  "hanging-up": ["phone-down", "quiet"],
  ended: ["phone-down", "quiet"],
};
/** Pictures of the second line. */
const RECORDING_ICONS = { recording: "record", unknown: "unknown", lost: "unknown", erased: "erased", erasing: "erased", "partly-kept": "partly", none: "record-off" };

/** The words of the state line: headline and detail. */
export function stateWords(state, text) {
  const name = stateName(state);
  if (name === "connecting" && state.link === "microphone" && state.microphone) return text.states.microphone;
  if (name === "ended" && endOf(state) === "not-begun") return [text.ended["not-begun"], ""];
  if (name === "ended") return [text.states.ended[0], text.ended[endOf(state)] ?? text.ended.other];
  if (name === "waiting") return text.states.waiting(state.place, state.expecting);
  if (name === "nobody" || name === "call-back") return text.states[name](state.expecting);
  if (name === "disclosing") {
    const said = disclosure(state);
    if (!said) return text.states.disclosingSoon;
    const failed = said.outcome !== null && said.outcome !== "heard";
    return failed ? text.states.disclosingFailed(said.part) : text.states.disclosing(said.part, said.percent);
  }
  return text.states[name];
}

/** Fills every element that only depends on the language. */
export function drawTexts(text) {
  document.title = `${text.title} · Candor`;
  for (const element of document.querySelectorAll("[data-text]")) setText(element, text[element.dataset.text]);
  for (const element of document.querySelectorAll("[data-key-name]")) setText(element, text.keyNames[element.dataset.keyName]);
  const steps = byId("steps").children;
  text.steps.forEach((step, index) => setText(steps[index].lastElementChild, step));
  byId("shortcuts").replaceChildren(
    ...text.shortcuts.map(([keys, what]) => {
      const row = make("div");
      const term = make("dt");
      term.append(make("kbd", "", keys));
      row.append(term, make("dd", "", what));
      return row;
    }),
  );
}

/** Draws all that depends on the state. */
export function draw(state, text) {
  const name = stateName(state);
  const live = state.link !== "idle" && !state.ended;
  document.body.dataset.call = state.link === "idle" ? "none" : live ? "live" : "over";
  drawState(state, name, text);
  drawButtons(state, text);
  drawCaptions(byId("captions"), state.lines, text);
  show(byId("captions-empty"), state.lines.length === 0);
  show(byId("captions"), state.lines.length > 0);
  drawTimeline(byId("timeline"), turnsKnown(state), text);
  show(byId("timeline-empty"), state.turns.length === 0);
  drawPurposes(state, text);
}

function drawState(state, name, text) {
  const panel = byId("state");
  const [picture, tone] = LOOKS[name];
  const [headline, detail] = stateWords(state, text);
  const recorded = recordingLine(state);
  panel.dataset.state = name;
  panel.dataset.tone = tone;
  panel.dataset.recording = recorded;
  panel.dataset.end = endOf(state) ?? "";
  setIcon(byId("state-icon"), picture);
  setText(byId("state-headline"), headline);
  setText(byId("state-detail"), detail);
  setText(byId("state-recording-words"), text.recording[recorded]);
  setIcon(byId("state-recording-icon"), RECORDING_ICONS[recorded] ?? "record-off");
  const heard = name === "disclosing" || name === "asked" ? heardPercent(state) : null;
  byId("state-ring").setAttribute("stroke-dasharray", `${heard ?? 0} 100`);
  panel.dataset.heard = heard ?? "";
  setText(byId("state-note"), state.complaint ? text.complaint : (text.answerNotes[answerNote(state)] ?? ""));
  announce(name === "disclosing" ? partWords(state, text) : headline, text.recording[recorded], byId("state-note").textContent);
}

/** The notice without its figure: a screen reader is not to be told each percent. */
function partWords(state, text) {
  const said = disclosure(state);
  return said ? text.states.disclosing(said.part, said.percent)[0].split(":")[0] : text.states.disclosingSoon[0];
}

let announcing;
/** Speaks a change once it has settled; what only passes by is not spoken. */
function announce(...words) {
  const sentences = words.filter(Boolean).map((said) => (/[.!?]$/.test(said) ? said : `${said}.`));
  const said = [...new Set(sentences)].join(" ");
  clearTimeout(announcing);
  announcing = setTimeout(() => setText(byId("announcer"), said), 400);
}

function drawButtons(state, text) {
  const offered = offers(state);
  const refuge = byId("state");
  const consent = consentAsked(state);
  setText(byId("yes-words"), consent ? text.yesRecord : text.yes);
  setText(byId("no-words"), consent ? text.noRecord : text.no);
  // What the button says is what it does: without a running recorder there is nothing to stop.
  const erases = withdrawal(state) === "erase";
  setText(byId("stop-words"), erases ? text.erase : text.stop);
  setIcon(byId("stop-icon"), erases ? "erased" : "stop");
  // While no stands alone it keeps its place: a yes that comes must not slip under a finger that is on its way to no.
  reserve(byId("yes"), consent && offered.no && !offered.yes, refuge);
  show(byId("yes"), offered.yes || offered.no, refuge);
  show(byId("no"), offered.no, refuge);
  show(byId("stop"), offered.stop, refuge);
  show(byId("answers"), offered.yes || offered.no || offered.stop, refuge);
  show(byId("ask-again"), offered.askAgain, refuge);
  show(byId("repeat"), offered.repeat, refuge);
  show(byId("person"), offered.person, refuge);
  show(byId("agent"), offered.agent, refuge);
  show(byId("call-back"), offered.callBack, refuge);
  show(byId("hang-up"), offered.hangUp, refuge);
}

function drawPurposes(state, text) {
  const { hello } = state;
  setText(byId("organisation"), hello ? text.organisation(hello.organisation) : text.purposesUnknown);
  const none = hello && state.purposes.length === 0;
  show(byId("purposes-none"), Boolean(none));
  const list = byId("purposes");
  while (list.children.length > state.purposes.length) list.lastElementChild.remove();
  state.purposes.forEach((purpose, index) => {
    let row = list.children[index];
    if (!row) {
      row = make("li", "purpose");
      row.append(make("strong", "purpose-label"), make("span", "purpose-terms"), make("span", "purpose-state"));
      row.lastElementChild.append(icon("unknown"), make("span"));
      list.append(row);
    }
    const [label, terms, consent] = row.children;
    row.dataset.purpose = purpose.purpose;
    row.dataset.consent = purpose.state;
    const own = purpose.label?.[document.documentElement.lang] ?? purpose.label?.[state.language];
    setText(label, own ? text.purposeLabel(own) : purpose.purpose);
    const kept = purpose["retention-days"] === undefined ? "" : `, ${text.retention(purpose["retention-days"])}`;
    setText(terms, `${text.bases[purpose.basis] ?? purpose.basis}${kept}`);
    const words = purpose.basis === "consent" ? text.consents : text.grounds;
    setIcon(consent.firstElementChild, CONSENT_ICONS[purpose.state] ?? "unknown");
    setText(consent.lastElementChild, words[purpose.state] ?? purpose.state);
  });
  const link = byId("notice-link");
  const address = hello && safeAddress(hello.notice);
  show(link, Boolean(address));
  if (address && link.getAttribute("href") !== address) link.setAttribute("href", address);
}

const CONSENT_ICONS = { unknown: "dots", requested: "question", given: "yes", refused: "no", withdrawn: "no", expired: "no", invalidated: "no" };

function safeAddress(address) {
  return /^https?:\/\//i.test(address ?? "") ? address : null;
}

/** The quality of the connection, in figures and in a word. */
export function drawQuality(measured, text) {
  const box = byId("quality");
  const figure = (value, form, digits) => (value === null ? text.none : form(value.toFixed(digits)));
  box.dataset.quality = measured.word;
  setText(byId("quality-word"), text.qualityWords[measured.word]);
  setText(byId("quality-loss"), figure(measured.loss === null ? null : measured.loss * 100, text.percent, 1));
  setText(byId("quality-loss-there"), figure(measured.lossThere === null ? null : measured.lossThere * 100, text.percent, 1));
  setText(byId("quality-jitter"), figure(measured.jitter, text.milliseconds, 0));
  setText(byId("quality-round-trip"), figure(measured.roundTrip, text.milliseconds, 0));
}

/** A problem, in a sentence with what to do. `keysHelp`: whether a call with keys is a way on. */
export function drawProblem(code, keysHelp, text) {
  const box = byId("problem");
  box.dataset.problem = code ?? "";
  if (code) {
    setText(byId("problem-words"), text.problems[code] ?? text.problems.failed);
    show(byId("problem-keys"), keysHelp);
    show(byId("problem-hear"), code === "silent");
  }
  show(box, Boolean(code), byId("state"));
}
