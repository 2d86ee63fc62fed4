// The desk's WebSocket: signs in, and signs in again by itself after a loss. The token is in this closure and nowhere else, and goes with the sign-out or
// a refusal.

import { backoff } from "./backoff.js";

/**
 * @param {URL} url of the server's desk events
 * @param {object} hear
 * @param {() => void} hear.connecting
 * @param {(message: object) => void} hear.message
 * @param {(inMs: number) => void} hear.lost the connection is gone; the next try is in so many milliseconds
 */
export function connection(url, hear) {
  let token = null;
  let socket = null;
  let attempt = 0;
  let timer = null;

  function open() {
    clearTimeout(timer);
    drop();
    hear.connecting();
    const mine = new WebSocket(url);
    socket = mine;
    mine.onopen = () => send({ type: "sign-in", token });
    mine.onmessage = ({ data }) => {
      if (mine === socket) receive(data);
    };
    mine.onclose = () => {
      if (mine === socket) lost();
    };
  }

  function receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message?.type === "signed-in") attempt = 0;
    // Another try would be refused too, or would take the seat away from where the colleague is now.
    if (message?.type === "refused") forget();
    if (typeof message?.type === "string") hear.message(message);
  }

  function lost() {
    socket = null;
    if (token === null) return;
    const wait = backoff(attempt);
    attempt += 1;
    timer = setTimeout(open, wait);
    hear.lost(wait);
  }

  function drop() {
    const old = socket;
    socket = null;
    old?.close();
  }

  function forget() {
    token = null;
    clearTimeout(timer);
    drop();
  }

  /** Whether the message went out: a socket that is not open takes nothing, and nothing is kept for later. */
  function send(message) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  return {
    send,
    signIn(given) {
      token = given;
      attempt = 0;
      open();
    },
    signOut() {
      send({ type: "sign-out" });
      forget();
    },
    /** Tries at once instead of waiting; does nothing when signed out. */
    retry() {
      if (token !== null) open();
    },
  };
}
