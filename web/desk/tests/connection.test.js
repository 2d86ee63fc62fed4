import assert from "node:assert/strict";
import { test } from "node:test";

import { connection } from "../connection.js";

/** A desk's connection over sockets that do what the test says, and what it has told. */
function desk(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sockets = [];
  class Socket {
    static OPEN = 1;
    readyState = 0;
    sent = [];
    constructor() {
      sockets.push(this);
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.readyState = 3;
    }
    open() {
      this.readyState = 1;
      this.onopen();
    }
    say(message) {
      this.onmessage({ data: JSON.stringify(message) });
    }
  }
  const before = globalThis.WebSocket;
  globalThis.WebSocket = Socket;
  t.after(() => (globalThis.WebSocket = before));
  const told = [];
  const line = connection(new URL("wss://example.net/desk/events"), {
    connecting: () => told.push("connecting"),
    message: ({ type }) => told.push(type),
    lost: () => told.push("lost"),
  });
  // In steps: what a timer starts counts from when it fired.
  const tick = (ms) => {
    for (; ms > 0; ms -= 100) t.mock.timers.tick(Math.min(100, ms));
  };
  return { line, sockets, told, tick };
}

const ALIVE = { type: "alive" };
const SIGNED_IN = { type: "signed-in" };

test("silence for 25 seconds is a loss, and another connection is made", (t) => {
  const { line, sockets, told, tick } = desk(t);
  line.signIn("token");
  sockets[0].open();
  sockets[0].say(SIGNED_IN);
  for (let second = 0; second < 60; second += 10) {
    tick(10_000);
    sockets[0].say(ALIVE);
  }
  assert.deepEqual(told, ["connecting", "signed-in"], "a server that is there is believed, and its word is nobody else's business");
  tick(24_900);
  assert.equal(told.length, 2);
  tick(200);
  assert.deepEqual(told.slice(2), ["lost"]);
  assert.equal(sockets[0].readyState, 3);
  tick(1_000);
  assert.equal(sockets.length, 2);
  sockets[1].open();
  assert.deepEqual(sockets[1].sent, [{ type: "sign-in", token: "token" }]);
  // The new connection is watched from its first moment.
  sockets[1].say(SIGNED_IN);
  tick(25_100);
  assert.equal(told.at(-1), "lost");
});

test("a connection that never answers is a loss as well", (t) => {
  const { line, told, tick } = desk(t);
  line.signIn("token");
  tick(25_100);
  assert.deepEqual(told, ["connecting", "lost"]);
});

test("a server that does not say that it is there is not expected to", (t) => {
  const { line, sockets, told, tick } = desk(t);
  line.signIn("token");
  sockets[0].open();
  sockets[0].say(SIGNED_IN);
  tick(600_000);
  assert.deepEqual(told, ["connecting", "signed-in"]);
});

test("trying at once leaves a connection that stands alone, and hurries one that is waited for", (t) => {
  const { line, sockets, tick } = desk(t);
  line.retry();
  assert.equal(sockets.length, 0);
  line.signIn("token");
  sockets[0].open();
  line.retry();
  assert.equal(sockets.length, 1);
  assert.equal(sockets[0].readyState, 1);
  sockets[0].onclose();
  line.retry();
  assert.equal(sockets.length, 2);
  tick(20_000);
  assert.equal(sockets.length, 2, "the try that was due is not made as well");
});

test("signed out, nothing is tried again and nothing is watched", (t) => {
  const { line, sockets, told, tick } = desk(t);
  line.signIn("token");
  sockets[0].open();
  sockets[0].say(ALIVE);
  line.signOut();
  tick(600_000);
  assert.equal(sockets.length, 1);
  assert.deepEqual(told, ["connecting"]);
});
