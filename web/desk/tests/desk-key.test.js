// sealed-request.json was made by another implementation (PyPI pyhpke): a request sealed as the server seals it, and the key that opens it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { openRequest, readKey } from "../desk-key.js";

const sealed = JSON.parse(readFileSync(new URL("sealed-request.json", import.meta.url), "utf8"));

test("a request that somebody else sealed opens with the desk's key", async () => {
  const key = await readKey(JSON.stringify(sealed.jwk));
  assert.equal(key.id, sealed.request.key);
  assert.equal(await openRequest(sealed.request, key), sealed.plain);
});

test("the key's bytes cannot be had back", async () => {
  const { key } = await readKey(JSON.stringify(sealed.jwk));
  assert.equal(key.extractable, false);
  await assert.rejects(crypto.subtle.exportKey("jwk", key));
});

test("a request under another id does not open: the id is sealed with it", async () => {
  const key = await readKey(JSON.stringify(sealed.jwk));
  await assert.rejects(openRequest({ ...sealed.request, id: "another" }, key), { code: "request-unreadable" });
});

test("a request to another key says so before anything is tried", async () => {
  const key = await readKey(JSON.stringify(sealed.jwk));
  await assert.rejects(openRequest({ ...sealed.request, key: "0000000000000000" }, key), { code: "key-other" });
});

test("what is no private key of the right curve is refused by name", async () => {
  const { d: _, ...half } = sealed.jwk;
  const other = Buffer.alloc(32, 7).toString("base64url");
  await assert.rejects(readKey("not json"), { code: "key-unreadable" });
  await assert.rejects(readKey("null"), { code: "key-unreadable" });
  await assert.rejects(readKey(JSON.stringify({ ...sealed.jwk, crv: "Ed25519" })), { code: "key-unreadable" });
  await assert.rejects(readKey(JSON.stringify({ ...sealed.jwk, x: other })), { code: "key-unreadable" });
  await assert.rejects(readKey(JSON.stringify({ ...sealed.jwk, d: "!" })), { code: "key-unreadable" });
  await assert.rejects(readKey(JSON.stringify(half)), { code: "key-public" });
});
