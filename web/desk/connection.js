// The desk's WebSocket: signs in, and signs in again by itself after a loss. The token is in this closure and nowhere else, and goes with the sign-out or
// a refusal.

import { backoff } from "./backoff.js";

/** The server says that it is there every ten seconds; a connection on which nothing came for so long is dead, whatever the browser thinks of it. */
const SILENT_MS = 25_000;
/** What came in while the computer slept is read after the timers that were due: it gets this long. */
const GRACE_MS = 500;

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
  let silence = null;
  // A server that does not say that it is there is not expected to: its silence means nothing once it has answered.
  let saysAlive = false;

  function open() {
    clearTimeout(timer);
    drop();
    hear.connecting();
    const mine = new WebSocket(url);
    socket = mine;
    listen();
    mine.onopen = () => send({ type: "sign-in", token });
    mine.onmessage = ({ data }) => {
      if (mine === socket) receive(data);
    };
    mine.onclose = () => {
      if (mine === socket) lost();
    };
  }

  function listen() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      silence = setTimeout(lost, GRACE_MS);
    }, SILENT_MS - GRACE_MS);
  }

  function receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message?.type === "alive") saysAlive = true;
    if (saysAlive) listen();
    else clearTimeout(silence);
    if (message?.type === "signed-in") attempt = 0;
    // Another try would be refused too, or would take the seat away from where the colleague is now.
    if (message?.type === "refused") forget();
    if (typeof message?.type === "string" && message.type !== "alive") hear.message(message);
  }

  function lost() {
    drop();
    if (token === null) return;
    const wait = backoff(attempt);
    attempt += 1;
    timer = setTimeout(open, wait);
    hear.lost(wait);
  }

  function drop() {
    clearTimeout(silence);
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
    /** Tries at once instead of waiting; a connection that stands is left alone. Does nothing when signed out. */
    retry() {
      if (token !== null && socket === null) open();
    },
  };
}
