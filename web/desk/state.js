// What the desk knows, and how it changes: a pure reducer. No clock, no socket, no page; times are handed in, in milliseconds of one steady clock.
//
// What a caller gave (slots) and a number of a call-back request live here and nowhere else, and leave with the call, the row or the sign-out.

import { fromServer } from "./server-messages.js";

/** Before anybody signs in. */
export const START = Object.freeze({
  // signed-out · connecting · signed-in · lost (with `retryAt`: when the next try is)
  link: { phase: "signed-out" },
  offline: false,
  seat: null,
  // What the colleague chose to serve, kept over a lost connection.
  wish: { available: false, queues: [], languages: [] },
  // unknown · asking · testing · ready, and what the last test heard: null, or whether there was sound
  microphone: { phase: "unknown", heard: null },
  // Whether the lists below are the server's: before its first word, and without a connection, nobody knows who waits.
  known: { waiting: false, callBacks: false },
  waiting: [],
  colleagues: null,
  // null, or {phase: taking · connecting · connected · wrap-up, …}
  call: null,
  callBacks: [],
  // Numbers that were opened in this page, by the request's id.
  opened: {},
  // The request that is asked about before it is deleted, and those the server has been told of.
  confirming: null,
  deleting: [],
  // The request whose number was copied last, while it is open.
  copied: null,
  // The id of the loaded key and whether this browser keeps it.
  key: null,
  // A problem that a person must know of: {code, detail?}.
  problem: null,
  // Something that happened and needs nobody: a code for the status line.
  notice: null,
});

const signedOut = (state, problem = null) => ({ ...START, key: state.key, offline: state.offline, microphone: state.microphone, problem });

const inCall = (state, change) => (state.call && state.call.phase !== "wrap-up" ? { ...state, call: { ...state.call, ...change } } : state);

/**
 * The state after an event.
 *
 * @param {typeof START} state
 * @param {{type: string, at?: number}} event from the page, or `{type: "server", message, at}`
 */
export function reduce(state, event) {
  switch (event.type) {
    case "server":
      return fromServer(state, event.message, event.at);

    case "connecting":
      return { ...state, link: { phase: "connecting", again: state.seat !== null } };
    case "lost":
      return lost(state, event.retryAt);
    case "signed-out":
      return signedOut(state, event.problem ?? null);
    case "offline":
      return { ...state, offline: event.on };

    case "wish":
      return { ...state, wish: { ...state.wish, ...event.wish } };
    case "microphone":
      return { ...state, microphone: { phase: event.phase, heard: event.heard ?? null } };

    case "taking":
      return state.call ? state : { ...state, problem: null, notice: null, call: { phase: "taking", muted: false, holdWanted: false } };
    case "take-failed":
      return state.call?.phase === "taking" ? { ...state, call: null } : state;
    case "mute":
      return inCall(state, { muted: event.on });
    case "hold":
      return inCall(state, { holdWanted: event.on });
    // What happens to the colleague's own sound: {peerDown} or {microphoneGone}.
    case "own-sound":
      return inCall(state, event.change);
    case "leaving":
      return inCall(state, { leaving: event.how });
    case "quality":
      return inCall(state, { quality: event.quality });
    case "wrapped-up":
      return state.call?.phase === "wrap-up" ? { ...state, call: null, problem: null, notice: null } : state;

    case "key":
      return { ...state, key: event.key, opened: event.key ? state.opened : {}, copied: event.key ? state.copied : null };
    case "opened":
      // The request may have gone while it was being opened.
      return state.callBacks.some(({ id }) => id === event.id) ? { ...state, opened: { ...state.opened, [event.id]: event.number } } : state;
    case "closed": {
      const { [event.id]: _, ...opened } = state.opened;
      return { ...state, opened, confirming: state.confirming === event.id ? null : state.confirming, copied: state.copied === event.id ? null : state.copied };
    }
    case "copied":
      return { ...state, copied: event.id };
    case "confirm":
      return { ...state, confirming: event.id };
    case "deleting":
      return { ...state, confirming: null, deleting: [...state.deleting, event.id] };

    case "problem":
      return { ...state, problem: { code: event.code, detail: event.detail } };
    case "problem-over":
      return !state.problem || (event.codes && !event.codes.includes(state.problem.code)) ? state : { ...state, problem: null };
    case "notice":
      return { ...state, notice: event.code };
    default:
      throw new Error(`no such event: ${event.type}`);
  }
}

// Without the server nothing here is known to be true any more: the callers, the call and the requests go; only what the colleague chose stays.
function lost(state, retryAt) {
  const during = state.call && state.call.phase !== "wrap-up";
  return {
    ...state,
    link: { phase: "lost", retryAt },
    known: START.known,
    waiting: [],
    colleagues: null,
    call: null,
    callBacks: [],
    opened: {},
    confirming: null,
    deleting: [],
    copied: null,
    notice: null,
    problem: { code: during || state.problem?.code === "lost-in-call" ? "lost-in-call" : "lost" },
  };
}
