// The desk's private key: read from a JWK file, held as a CryptoKey that gives its bytes to nobody, kept in this browser only when asked to.
// It opens call-back requests and is never sent anywhere.

import { open } from "./hpke.js";

const INFO = new TextEncoder().encode("candor call-back 1");
// RFC 7748 section 6.1: the curve's base point. A private key times this is its public key.
const BASE_POINT = new Uint8Array(32);
BASE_POINT[0] = 9;

/** What is wrong with a key or a request, as a code that the page has words for. */
export class KeyProblem extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** Whether this browser has the curve at all. */
export async function supported() {
  try {
    await crypto.subtle.importKey("raw", BASE_POINT, { name: "X25519" }, false, []);
    return true;
  } catch {
    return false;
  }
}

const base64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const base64url = (text) => base64(text.replaceAll("-", "+").replaceAll("_", "/"));
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** How the server names a public key: the first 16 hex digits of its SHA-256. */
export async function keyId(publicKey) {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", publicKey))).slice(0, 16);
}

/**
 * Reads the text of a JWK file.
 *
 * @returns {Promise<{id: string, key: CryptoKey, publicKey: Uint8Array}>}
 * @throws {KeyProblem} `key-unreadable`, `key-public` (the wrong half of the pair) or `key-unsupported`
 */
export async function readKey(text) {
  let jwk;
  try {
    jwk = JSON.parse(text);
  } catch {
    throw new KeyProblem("key-unreadable");
  }
  if (jwk?.kty !== "OKP" || jwk.crv !== "X25519" || typeof jwk.x !== "string") throw new KeyProblem("key-unreadable");
  if (typeof jwk.d !== "string") throw new KeyProblem("key-public");
  if (!(await supported())) throw new KeyProblem("key-unsupported");
  try {
    // Only the members that make the key: a file's own `key_ops` or `use` may say something narrower than what it is opened for.
    const { kty, crv, x, d } = jwk;
    const key = await crypto.subtle.importKey("jwk", { kty, crv, x, d }, { name: "X25519" }, false, ["deriveBits"]);
    const publicKey = base64url(x);
    const base = await crypto.subtle.importKey("raw", BASE_POINT, { name: "X25519" }, false, []);
    const derived = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: base }, key, 256));
    if (hex(derived) !== hex(publicKey)) throw new KeyProblem("key-unreadable");
    return { id: await keyId(publicKey), key, publicKey };
  } catch (problem) {
    throw problem instanceof KeyProblem ? problem : new KeyProblem("key-unreadable");
  }
}

/**
 * The number in a call-back request.
 *
 * @param {{id: string, key: string, enc: string, ciphertext: string}} request as the server sent it
 * @throws {KeyProblem} `key-other` when it was sealed to another key, `request-unreadable` when it does not open
 */
export async function openRequest(request, deskKey) {
  if (request.key !== deskKey.id) throw new KeyProblem("key-other");
  try {
    const aad = new TextEncoder().encode(request.id);
    const plain = await open(base64(request.enc), deskKey, INFO, aad, base64(request.ciphertext));
    return new TextDecoder("utf-8", { fatal: true }).decode(plain);
  } catch {
    throw new KeyProblem("request-unreadable");
  }
}

// One record in one store of the browser's own database. A CryptoKey is stored as such: its bytes stay out of reach of this page too.
const STORE = "keys";
const RECORD = "desk";

function database() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("candor-desk", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function inStore(mode, act) {
  const db = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

/** Keeps the key in this browser until it is forgotten. */
export const keepKey = (deskKey) => inStore("readwrite", (store) => store.put(deskKey, RECORD));
/** The key that was kept, or undefined. */
export const keptKey = () => inStore("readonly", (store) => store.get(RECORD));
/** Deletes the key from this browser. */
export const forgetKey = () => inStore("readwrite", (store) => store.delete(RECORD));
