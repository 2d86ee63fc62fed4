// What the state line may say of a state, and what fits to press. Pure, like the state itself.

/**
 * What is true of recording now: `unknown`, `recording` (this turn), `ready` (the recorder is on, no turn is running),
 * `not-this-turn`, `erased`, `erasing`, `partly-kept`, `stopped`, `failed`, `refused`, `off`.
 */
export function recording(state) {
  if (!state.known || state.recorder === null) return "unknown";
  const turn = openTurn(state);
  if (turn?.kept === "recording") return "recording";
  if (state.recorder) return turn ? "not-this-turn" : "ready";
  if (state.erasure) return !state.erasure.complete ? "erasing" : state.erasure.kept ? "partly-kept" : "erased";
  if (state.stopReason === "withdrawn") return "stopped";
  if (state.stopReason === "failed") return "failed";
  return refusedAll(state) ? "refused" : "off";
}

/** The same for a call that may be over or not begun: also `none`, `over` and `lost` (the page cannot see it any more). */
export function recordingLine(state) {
  if (state.ended?.by === "page") return state.wasConnected ? "lost" : "none";
  if (state.link === "idle") return "none";
  const now = recording(state);
  if (!state.ended) return state.wasConnected ? now : "none";
  return ["erased", "erasing", "partly-kept", "failed", "refused", "unknown"].includes(now) ? now : "over";
}

/** The turns, as far as is known: of one that was running when the link broke, nothing is. */
export function turnsKnown(state) {
  if (state.known) return state.turns;
  return state.turns.map((t) => (t.kept === "recording" || t.kept === "open" ? { ...t, kept: "unknown" } : t));
}

/** How the call ended: the server's word for it, or `hung-up`, `lost`, `not-begun` where the page alone knows. */
export function endOf(state) {
  if (!state.ended) return null;
  if (state.ended.by === "server") return state.ended.outcome;
  if (!state.wasConnected) return "not-begun";
  return state.ended.outcome === "hung-up" ? "hung-up" : "lost";
}

/** Where the call is, in one word: the `data-state` of the state line. */
export function stateName(state) {
  if (state.ended) return "ended";
  switch (state.link) {
    case "idle":
      return "idle";
    case "hanging-up":
      return "hanging-up";
    case "interrupted":
      return "interrupted";
    case "microphone":
    case "signalling":
    case "connecting":
      return "connecting";
  }
  if (!state.known) return "unknown";
  // Nothing goes before a turn that is being recorded.
  if (recording(state) === "recording") return "recording";
  switch (state.phase) {
    case "disclosing":
      return "disclosing";
    case "asking":
      return "asked";
    case "dialog":
      return inDialog(recording(state));
    case "connecting":
      return "connecting-person";
    case "waiting":
      return state.person === "connecting" ? "person-coming" : "waiting";
    case "nobody":
      return "nobody";
    case "call-back":
      return "call-back";
    case "person":
      return { hold: "hold", gone: "person-gone", connecting: "person-coming" }[state.person] ?? "person";
    case "lapsed":
      return "interrupted";
    default:
      return "unknown";
  }
}

function inDialog(recording) {
  switch (recording) {
    case "refused":
    case "erased":
    case "erasing":
    case "partly-kept":
    case "stopped":
    case "ready":
    case "unknown":
      return recording;
    default:
      return "not-recording";
  }
}

/** The disclosure that is being said or was said last: which part it is, and how much of it is proved to be heard. */
export function disclosure(state) {
  const lines = state.lines.filter((l) => l.role === "disclosure");
  const line = lines.at(-1);
  if (!line) return null;
  // A disclosure that is said again is the same part.
  const parts = [...new Set(lines.map((l) => l.prompt))];
  return { part: parts.indexOf(line.prompt) + 1, percent: line.percent, outcome: line.outcome };
}

/** How much of the line that is being said now is proved to be heard, for lines whose hearing matters. */
export function heardPercent(state) {
  const line = state.lines.at(-1);
  return line && line.role !== "other" && line.outcome === null ? line.percent : null;
}

/** Phases in which the caller has left the agent, or is on the way. */
const AWAY = ["connecting", "waiting", "nobody", "call-back", "person"];
/** What has become of a turn whose sound may still be stored. */
const MAY_BE_KEPT = ["recording", "kept", "erasing", "unknown"];

/** Which buttons and lists mean something now. */
export function offers(state) {
  const live = state.link === "connected" && !state.ended;
  const agent = live && !AWAY.includes(state.phase);
  const waits = state.expecting === "waiting" || state.expecting === "waiting-or-call-back";
  const asked = state.expecting === "consent" || state.expecting === "yes-no";
  return {
    yes: live && asked,
    // No is taken at any moment of the opening: before anything was asked, and while the question is still being put.
    no: live && (asked || (inOpening(state) && state.purposes.some((p) => p.basis === "consent" && !DECIDED.includes(p.state)))),
    stop: live && withdrawal(state) !== null,
    askAgain:
      agent &&
      state.phase === "dialog" &&
      state.purposes.some((p) => p.basis === "consent" && ["refused", "withdrawn", "expired", "invalidated"].includes(p.state)),
    repeat: agent && state.phase !== null,
    person: agent,
    agent: live && (state.phase === "waiting" || state.phase === "call-back" || waits),
    callBack: live && state.expecting === "waiting-or-call-back" && state.phase !== "call-back",
    keys: live,
    // Who has left the agent, or is not there, keeps the language.
    language: live && ["disclosing", "asking", "dialog"].includes(state.phase),
    hangUp: !["idle", "hanging-up"].includes(state.link) && !state.ended,
  };
}

/** States in which a purpose is not open to a no. */
const DECIDED = ["given", "refused", "withdrawn"];

const inOpening = (state) => state.phase === "disclosing" || state.phase === "asking";

/**
 * What a withdrawal would do now: `stop` the recorder (and erase what it kept), `erase` what was kept before it stopped; null where there is
 * nothing to withdraw. The evidence of a contract cannot be.
 */
export function withdrawal(state) {
  const open = state.purposes.filter((p) => p.basis !== "contract");
  const given = open.some((p) => p.state === "given");
  const unaccounted = state.recorder === true && !state.purposes.some((p) => p.state === "given");
  // A grant that ended by itself leaves what was kept on it: when the agent left the call, or another language was chosen.
  const ended = open.some((p) => p.state === "expired" || p.state === "invalidated") && state.turns.some((t) => MAY_BE_KEPT.includes(t.kept));
  if (!given && !unaccounted && !ended) return null;
  return state.recorder === false ? "erase" : "stop";
}

/** Whether yes and no are about a recording. */
export function consentAsked(state) {
  return state.expecting === "consent" || inOpening(state);
}

/** Why the last answer to a consent question did not count, while the question is still there to be answered: a key of `answerNotes`. */
export function answerNote(state) {
  return state.answer && inOpening(state) ? state.answer.outcome : null;
}

function openTurn(state) {
  return state.turns.findLast((t) => t.kept === "recording" || t.kept === "open") ?? null;
}

function refusedAll(state) {
  return state.purposes.length > 0 && state.purposes.every((p) => p.state === "refused");
}
