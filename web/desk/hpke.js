// HPKE (RFC 9180), base mode, one message, opening only: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
//
// WebCrypto has the curve, HMAC and the cipher; what stands here is the key schedule between them. HKDF is spelt out with HMAC because RFC 9180 needs
// Extract and Expand apart, and WebCrypto's HKDF does both at once.

const KEM_X25519_SHA256 = 0x0020;
const KDF_SHA256 = 0x0001;
/** The ciphers of RFC 9180 section 7.3 that WebCrypto has, with the length of their keys in bytes. */
export const AES_128_GCM = { id: 0x0001, keyBytes: 16 };
export const AES_256_GCM = { id: 0x0002, keyBytes: 32 };
const NONCE_BYTES = 12;
const HASH_BYTES = 32;
const MODE_BASE = 0;

const utf8 = (text) => new TextEncoder().encode(text);

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const twoBytes = (number) => new Uint8Array([number >> 8, number & 0xff]);

async function hmac(key, data) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

const VERSION = utf8("HPKE-v1");
const NOTHING = new Uint8Array(0);
// RFC 5869 section 2.2: no salt is as many zeros as the hash has bytes. WebCrypto refuses an empty HMAC key, which would be the same key.
const NO_SALT = new Uint8Array(HASH_BYTES);

const labeledExtract = (suite, salt, label, key) => hmac(salt, join(VERSION, suite, utf8(label), key));

// One block of HKDF-Expand: nothing in this suite is longer than the hash.
async function labeledExpand(suite, key, label, info, length) {
  const block = await hmac(key, join(twoBytes(length), VERSION, suite, utf8(label), info, new Uint8Array([1])));
  return block.slice(0, length);
}

// RFC 9180 section 4.1, Decap().
async function decapsulate(enc, recipient) {
  const suite = join(utf8("KEM"), twoBytes(KEM_X25519_SHA256));
  const sender = await crypto.subtle.importKey("raw", enc, { name: "X25519" }, false, []);
  // WebCrypto refuses a shared secret of zeros, as section 7.1.4 asks.
  const dh = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: sender }, recipient.key, 256));
  const prk = await labeledExtract(suite, NO_SALT, "eae_prk", dh);
  return labeledExpand(suite, prk, "shared_secret", join(enc, recipient.publicKey), HASH_BYTES);
}

/**
 * The key and the base nonce of the message: RFC 9180 section 5.1, KeySchedule() in base mode.
 *
 * @param {Uint8Array} enc the encapsulated key, 32 bytes
 * @param {{key: CryptoKey, publicKey: Uint8Array}} recipient the private key and its raw public key
 * @param {Uint8Array} info
 * @param {{id: number, keyBytes: number}} cipher
 */
export async function schedule(enc, recipient, info, cipher = AES_256_GCM) {
  const suite = join(utf8("HPKE"), twoBytes(KEM_X25519_SHA256), twoBytes(KDF_SHA256), twoBytes(cipher.id));
  const shared = await decapsulate(enc, recipient);
  const pskIdHash = await labeledExtract(suite, NO_SALT, "psk_id_hash", NOTHING);
  const infoHash = await labeledExtract(suite, NO_SALT, "info_hash", info);
  const context = join(new Uint8Array([MODE_BASE]), pskIdHash, infoHash);
  const secret = await labeledExtract(suite, shared, "secret", NOTHING);
  return {
    shared,
    key: await labeledExpand(suite, secret, "key", context, cipher.keyBytes),
    nonce: await labeledExpand(suite, secret, "base_nonce", context, NONCE_BYTES),
  };
}

/**
 * Opens the first (and only) message that was sealed to `recipient`; its nonce is the base nonce, since its sequence number is 0.
 *
 * @returns {Promise<Uint8Array>} the plaintext
 * @throws when it was sealed to another key, with another `info` or `aad`, or was changed on the way
 */
export async function open(enc, recipient, info, aad, ciphertext, cipher = AES_256_GCM) {
  const { key, nonce } = await schedule(enc, recipient, info, cipher);
  const aes = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce, additionalData: aad }, aes, ciphertext));
}
