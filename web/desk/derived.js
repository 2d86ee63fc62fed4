// What follows from the state: questions that several views ask.

/** The callers that this seat may take, in order. */
export const mine = (state) => state.waiting.filter((caller) => caller.mine);

/** The one that `take` would give, or undefined. */
export const next = (state) => state.waiting.find((caller) => caller.next);

/** Why no caller can be taken now, as a code, or null when one can. */
export function whyNotTake(state) {
  if (state.link.phase !== "signed-in") return "not-connected";
  if (state.call?.phase === "wrap-up") return "wrap-up";
  if (state.call) return "in-call";
  if (!state.wish.available) return "not-available";
  if (!next(state)) return "nobody";
  return null;
}

/**
 * How it is with the call, in one word: taking, connecting, talking, hold, unstable, muted, interrupted, wrap-up; or null without one.
 *
 * What the server says of the caller comes first. The call is on hold from the press until both sides are off it, and the colleague counts as
 * muted while either side holds their sound back or there is no microphone: never `talking` while the two do not hear each other.
 */
export function callState(state) {
  const { call } = state;
  if (!call) return null;
  if (call.phase !== "connected") return call.phase;
  if (call.server === "interrupted") return "interrupted";
  if (call.holdWanted || call.server === "hold") return "hold";
  if (call.peerDown) return "unstable";
  return call.muted || call.microphoneGone || call.server === "muted" ? "muted" : "talking";
}

/** Whether the colleague's microphone may be sent, and the caller's sound heard: neither before they are connected, nor on hold from the moment it is asked for. */
export function sound(state) {
  const { call } = state;
  const joined = call?.phase === "connected" && !call.holdWanted && call.server !== "hold";
  return { speak: joined && !call.muted && !call.leaving, hear: joined };
}
