// What each message of the server does to the state. Pure. A message of a kind that this page does not know changes nothing, so that a newer server
// can say more.

const REFUSALS = ["token", "elsewhere", "limit", "time"];

const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
const chosen = (wanted, possible, else_) => {
  const kept = wanted.filter((one) => possible.includes(one));
  return kept.length > 0 ? kept : else_;
};

export function fromServer(state, message, at) {
  switch (message.type) {
    case "signed-in":
      return signedIn(state, message);
    case "refused":
      // `signed-out` by another way: nothing of the seat stays.
      return { ...state, ...gone, link: { phase: "signed-out" }, problem: refusal(message.reason) };
    case "queue":
      return {
        ...state,
        known: { ...state.known, waiting: true },
        waiting: list(message.waiting).map((caller) => waiting(caller, at)),
        colleagues: message.colleagues ?? null,
      };
    case "taken":
      return state.call?.phase === "taking" ? { ...state, call: { ...state.call, ...taken(message, at) } } : state;
    case "nobody-waiting":
      return state.call?.phase === "taking" ? { ...state, call: null, notice: "nobody-waiting" } : state;
    case "connected":
      return state.call?.phase === "connecting" ? { ...state, call: { ...state.call, phase: "connected", server: "talking", since: at } } : state;
    case "call":
      return call(state, message);
    case "ended":
      // Who was never connected has nothing to say of the call, but learns what became of it.
      if (message["wrap-up"] === false) return { ...state, call: null, notice: `ended-${message.by}` };
      return { ...state, call: wrapUp(state.call, message.by, at), notice: null };
    case "call-backs":
      return callBacks(state, list(message["call-backs"]));
    case "ice":
      // For the next call; the one that is on has its path.
      return state.seat ? { ...state, seat: { ...state.seat, iceServers: list(message["ice-servers"]) } } : state;
    case "freed":
      return { ...state, call: state.call?.phase === "wrap-up" ? null : state.call, notice: "freed" };
    case "error":
      return error(state, message);
    default:
      return state;
  }
}

const gone = {
  seat: null,
  known: { waiting: false, callBacks: false },
  wish: { available: false, queues: [], languages: [] },
  waiting: [],
  colleagues: null,
  call: null,
  callBacks: [],
  opened: {},
  confirming: null,
  deleting: [],
  copied: null,
  notice: null,
};

const refusal = (reason) => (REFUSALS.includes(reason) ? { code: `refused-${reason}` } : { code: "refused", detail: String(reason ?? "") });

function signedIn(state, message) {
  const queues = list(message.queues);
  const languages = list(message.languages);
  const again = state.link.again === true;
  return {
    ...state,
    link: { phase: "signed-in" },
    seat: { name: String(message.name ?? ""), queues, languages, iceServers: list(message["ice-servers"]), callBacks: message["call-backs"] === true },
    // All of the seat at first; after a lost connection what was chosen before, as far as the seat still may.
    wish: {
      available: again && state.wish.available,
      queues: chosen(state.wish.queues, queues, queues),
      languages: chosen(state.wish.languages, languages, languages),
    },
    // That a caller was lost with the connection is told until it is put away.
    problem: again && state.problem?.code === "lost-in-call" ? state.problem : null,
    notice: again ? "signed-in-again" : null,
  };
}

// A duration that the server measured becomes a moment of our clock, so that it can count on by itself.
const since = (message, at) => at - (Number(message["waited-ms"]) || 0);

const what = (message) => ({
  id: message.call,
  queue: message.queue,
  reason: message.reason,
  language: message.language,
  consent: object(message.consent),
  slots: object(message.slots),
});

const waiting = (caller, at) => ({ ...what(caller), since: since(caller, at), next: caller.next === true, mine: caller.mine === true });

// Anything but a plain `false` counts as recording: the page never says "nothing is recorded" by default.
const taken = (message, at) => ({ ...what(message), phase: "connecting", waitedMs: at - since(message, at), recording: message.recording !== false });

function call(state, message) {
  if (!state.call || !["connecting", "connected"].includes(state.call.phase)) return state;
  return { ...state, call: { ...state.call, server: message.state } };
}

/** What the server can refuse, each with words of its own in the texts (`errors`). */
const ERRORS = ["signed-in-already", "no-hearing", "no-call", "no-call-back", "call-back-not-deleted", "in-call", "wrap-up-first", "no-sound", "end-call-first", "bad-message"];
/** No caller was taken after one of these; a message that could not be read can only have been the offer. */
const OF_A_TAKE = ["in-call", "wrap-up-first", "no-sound", "bad-message"];
const OF_A_CALL_BACK = ["no-call-back", "call-back-not-deleted"];

// What was asked for did not happen, and nothing else: a call-back that could not be deleted ends no take. An older server gives no code;
// then whatever was asked for may be meant.
function error(state, { code, message }) {
  const about = (codes) => code === undefined || codes.includes(code);
  const problem = ERRORS.includes(code) ? { code: `error-${code}` } : { code: "server", detail: String(message ?? "") };
  const { call } = state;
  const next = { ...state, problem, deleting: about(OF_A_CALL_BACK) ? [] : state.deleting };
  if (call?.phase === "taking") return about(OF_A_TAKE) ? { ...next, call: null } : next;
  if (!call || call.phase === "wrap-up") return next;
  // Hold is as the server last said. What was pressed to leave stands, and the microphone stays off, unless that may be what was refused.
  const hold = about(["no-hearing"]) ? { holdWanted: call.server === "hold" } : {};
  const leaving = code === undefined ? { leaving: undefined } : {};
  return { ...next, call: { ...call, ...hold, ...leaving } };
}

// What stays of a call is how it ended and how long it took: nothing of the caller.
const wrapUp = (call, by, at) => ({ phase: "wrap-up", by: String(by ?? ""), talkedMs: call?.since === undefined ? null : at - call.since });

function callBacks(state, requests) {
  const ids = requests.map(({ id }) => id);
  return {
    ...state,
    known: { ...state.known, callBacks: true },
    callBacks: requests,
    opened: Object.fromEntries(Object.entries(state.opened).filter(([id]) => ids.includes(id))),
    confirming: ids.includes(state.confirming) ? state.confirming : null,
    copied: ids.includes(state.copied) ? state.copied : null,
    deleting: state.deleting.filter((id) => ids.includes(id)),
  };
}
