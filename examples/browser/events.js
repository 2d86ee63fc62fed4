// Notices of the server and facts of the link, turned into one state. Pure: no DOM, no clock, nothing remembered outside the state.
//
// What is recorded is known from notices alone. Before the first one, and from the moment the link breaks until the next one,
// `known` is false and nothing here may say what is recorded.

/** The state before a call. */
export function fresh() {
  return {
    link: "idle",
    wasConnected: false,
    known: false,
    resumed: false,
    hello: null,
    language: null,
    hears: false,
    phase: null,
    expecting: "nothing",
    lines: [],
    purposes: [],
    recorder: null,
    stopReason: null,
    erasure: null,
    turns: [],
    place: null,
    person: null,
    answer: null,
    complaint: null,
    ended: null,
    ignored: 0,
  };
}

/** Lines kept for the captions; a call of hours must not grow a page without end. */
const MOST_LINES = 400;

/**
 * What the page itself knows of the connection.
 * `to`: `microphone`, `signalling`, `connecting`, `connected`, `interrupted`, `hanging-up`, `closed`; `why`, with `closed`: `hung-up`, `lost`, `failed`.
 */
export function link(state, to, why) {
  switch (to) {
    case "interrupted":
      return state.ended ? state : { ...state, link: to, known: false, resumed: false };
    case "connected": {
      // The server may have told how things stand before the page's own look at the connection saw that it is back.
      const known = state.link === "interrupted" ? state.resumed : state.known;
      return { ...state, link: to, wasConnected: true, known };
    }
    case "closed":
      // The server's own word for the end, if it came, stands.
      if (state.ended) return { ...state, link: to };
      return { ...state, link: to, known: false, expecting: "nothing", ended: { outcome: why ?? "lost", by: "page" } };
    default:
      return { ...state, link: to };
  }
}

/** Takes one notice. One that this page does not know is counted and changes nothing. */
export function notice(state, message) {
  const take = Object.hasOwn(notices, message?.type) ? notices[message.type] : null;
  if (!take) return { ...state, ignored: state.ignored + 1 };
  // After the end nothing follows; what is under way still may arrive and must not bring a dead call to life.
  if (state.ended?.by === "server") return { ...state, ignored: state.ignored + 1 };
  return take({ ...state, known: state.link !== "interrupted" && state.link !== "closed" }, message);
}

const notices = {
  hello(state, hello) {
    const same = state.hello?.session === hello.session;
    const before = same ? state : { ...fresh(), link: state.link, wasConnected: state.wasConnected, known: state.known };
    return {
      ...before,
      hello,
      language: hello.language,
      hears: hello.hears,
      purposes: (hello.purposes ?? []).map((purpose) => ({
        state: "unknown",
        ...(same ? state.purposes.find((p) => p.purpose === purpose.purpose) : null),
        ...purpose,
      })),
      // A session begins with the recorder off; a later leg of it keeps what was said last.
      recorder: same ? state.recorder : false,
    };
  },

  saying(state, { line, prompt, text, language, role }) {
    // Music has no words, and no row in the captions.
    if (!text) return { ...state, complaint: null };
    const said = { line, prompt, text, language, role, percent: 0, outcome: null };
    const others = state.lines.filter((l) => l.line !== line);
    return { ...state, complaint: null, lines: [...others, said].slice(-MOST_LINES) };
  },

  heard(state, { line, percent }) {
    // Evidence does not shrink; reports may overtake each other.
    return editLine(state, line, (l) => ({ percent: Math.max(l.percent, Math.min(100, Math.max(0, percent))) }));
  },

  said(state, { line, outcome }) {
    return editLine(state, line, () => ({ outcome }));
  },

  phase(state, { phase }) {
    return {
      ...state,
      // After a break the server begins with where the call is, and everything that follows is of now.
      resumed: phase !== "lapsed",
      phase,
      place: phase === "waiting" ? state.place : null,
      // Told again where the call is, the page keeps who is on the way; who waits anew has nobody.
      person: phase === "person" || phase === "connecting" || phase === state.phase ? state.person : null,
      answer: phase === state.phase ? state.answer : null,
    };
  },

  expecting(state, { answer }) {
    return { ...state, expecting: answer };
  },

  answer(state, { purpose, outcome }) {
    return { ...state, answer: { purpose, outcome } };
  },

  consent(state, { purpose, basis, state: consent }) {
    const known = state.purposes.some((p) => p.purpose === purpose);
    const purposes = known
      ? state.purposes.map((p) => (p.purpose === purpose ? { ...p, basis, state: consent } : p))
      : [...state.purposes, { purpose, basis, state: consent, label: {} }];
    return { ...state, purposes };
  },

  turn(state, { turn, recording }) {
    // A turn whose end never came: the page was not told, and does not guess.
    const before = state.turns
      .filter((t) => t.turn !== turn)
      .map((t) => (isOpen(t) ? { ...t, kept: "unknown" } : t));
    return { ...state, turns: [...before, { turn, kept: recording ? "recording" : "open" }].sort(byTurn) };
  },

  "turn-ended"(state, { turn, kept }) {
    const others = state.turns.filter((t) => t.turn !== turn).map((t) => (isOpen(t) && t.turn < turn ? { ...t, kept: "unknown" } : t));
    return { ...state, turns: [...others, { turn, kept }].sort(byTurn) };
  },

  recorder(state, { on, reason }) {
    if (on) return { ...state, recorder: true, stopReason: null, erasure: null };
    const turns = state.turns.map((t) => (t.kept === "recording" ? { ...t, kept: "open" } : t));
    return { ...state, recorder: false, stopReason: reason ?? null, turns };
  },

  erased(state, { complete, kept }) {
    const now = !complete ? "erasing" : kept ? "partly" : "erased";
    const was = new Set(["kept", "erasing"]);
    const turns = state.turns.map((t) => (was.has(t.kept) ? { ...t, kept: now } : t));
    return { ...state, erasure: { complete, kept }, turns };
  },

  language(state, { language, hears }) {
    return { ...state, language, hears };
  },

  queue(state, { place }) {
    // A place in the line: the colleague who had taken the caller did not come after all.
    return { ...state, place, person: state.phase === "waiting" ? null : state.person };
  },

  person(state, { state: person }) {
    return { ...state, person };
  },

  ended(state, { outcome }) {
    const turns = state.turns.map((t) => (isOpen(t) ? { ...t, kept: "unknown" } : t));
    return { ...state, phase: "ended", expecting: "nothing", turns, ended: { outcome, by: "server" } };
  },

  error(state, { message }) {
    return { ...state, complaint: message };
  },
};

function editLine(state, line, edit) {
  return { ...state, lines: state.lines.map((l) => (l.line === line ? { ...l, ...edit(l) } : l)) };
}

function isOpen(turn) {
  return turn.kept === "recording" || turn.kept === "open";
}

function byTurn(a, b) {
  return a.turn - b.turn;
}
