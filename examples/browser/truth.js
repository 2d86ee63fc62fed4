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
      return "waiting";
    case "call-back":
      return "call-back";
    case "person":
      return { hold: "hold", gone: "person-gone", connecting: "connecting-person" }[state.person] ?? "person";
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

/** Which buttons mean something now. */
export function offers(state) {
  const live = state.link === "connected" && !state.ended;
  const agent = live && !["connecting", "waiting", "call-back", "person"].includes(state.phase);
  const away = ["waiting", "call-back", "person"].includes(state.phase);
  const waits = ["waiting", "waiting-or-call-back"].includes(state.expecting);
  const asked = state.expecting === "consent" || state.expecting === "yes-no";
  const askable = state.purposes.filter((p) => p.basis === "consent");
  return {
    yes: live && asked,
    // No is taken at any moment of the opening, before anything was asked.
    no: live && (asked || (state.phase === "disclosing" && askable.some((p) => p.state === "unknown" || p.state === "requested"))),
    // What was kept before a person was asked for can be withdrawn while waiting, and while talking with them.
    stop: live && (state.recorder === true || state.purposes.some((p) => p.state === "given" || (away && p.state === "expired"))),
    askAgain:
      agent && state.phase === "dialog" && askable.some((p) => ["refused", "withdrawn", "expired", "invalidated"].includes(p.state)),
    repeat: agent && state.phase !== null,
    person: agent,
    agent: live && (state.phase === "waiting" || state.phase === "call-back" || waits),
    callBack: live && state.expecting === "waiting-or-call-back" && state.phase !== "call-back",
    keys: live,
    hangUp: !["idle", "hanging-up"].includes(state.link) && !state.ended,
  };
}

/** Which consent question the buttons answer. */
export function consentAsked(state) {
  return state.expecting === "consent" || state.phase === "disclosing";
}

function openTurn(state) {
  return state.turns.findLast((t) => t.kept === "recording" || t.kept === "open") ?? null;
}

function refusedAll(state) {
  return state.purposes.length > 0 && state.purposes.every((p) => p.state === "refused");
}
