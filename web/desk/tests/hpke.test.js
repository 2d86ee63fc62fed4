// The vectors are those of RFC 9180: appendix A.1.1 (AES-128-GCM), and its machine-readable set for AES-256-GCM, which the appendix leaves out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AES_128_GCM, AES_256_GCM, open, schedule } from "../hpke.js";

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (data) => Buffer.from(data).toString("hex");
const base64url = (data) => Buffer.from(data, "hex").toString("base64url");

const INFO = "4f6465206f6e2061204772656369616e2055726e";
const AAD = "436f756e742d30";
const PLAIN = "4265617574792069732074727574682c20747275746820626561757479";

const VECTORS = [
  {
    name: "A.1.1, AES-128-GCM",
    cipher: AES_128_GCM,
    skRm: "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
    pkRm: "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
    enc: "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
    shared: "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc",
    key: "4531685d41d65f03dc48f6b8302c05b0",
    nonce: "56d890e5accaaf011cff4b7d",
    ciphertext: "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
  },
  {
    name: "AES-256-GCM",
    cipher: AES_256_GCM,
    skRm: "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
    pkRm: "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c",
    enc: "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256",
    shared: "3101c54c3a4f87439eaac080699ed9bbcc726ffe44e860c0424ccb7e3e2ead7b",
    key: "f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f",
    nonce: "151d9929e2449747889bc923",
    ciphertext: "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a",
  },
];

async function recipient(vector) {
  const jwk = { kty: "OKP", crv: "X25519", x: base64url(vector.pkRm), d: base64url(vector.skRm) };
  const key = await crypto.subtle.importKey("jwk", jwk, { name: "X25519" }, false, ["deriveBits"]);
  return { key, publicKey: bytes(vector.pkRm) };
}

for (const vector of VECTORS) {
  test(`the key schedule of RFC 9180, ${vector.name}`, async () => {
    const made = await schedule(bytes(vector.enc), await recipient(vector), bytes(INFO), vector.cipher);
    assert.equal(hex(made.shared), vector.shared);
    assert.equal(hex(made.key), vector.key);
    assert.equal(hex(made.nonce), vector.nonce);
  });

  test(`the message of RFC 9180 opens, ${vector.name}`, async () => {
    const plain = await open(bytes(vector.enc), await recipient(vector), bytes(INFO), bytes(AAD), bytes(vector.ciphertext), vector.cipher);
    assert.equal(hex(plain), PLAIN);
  });
}

test("another info, another aad, a changed byte: each does not open", async () => {
  const [, vector] = VECTORS;
  const to = await recipient(vector);
  const changed = bytes(vector.ciphertext);
  changed[3] ^= 1;
  await assert.rejects(open(bytes(vector.enc), to, bytes("00"), bytes(AAD), bytes(vector.ciphertext)));
  await assert.rejects(open(bytes(vector.enc), to, bytes(INFO), bytes("00"), bytes(vector.ciphertext)));
  await assert.rejects(open(bytes(vector.enc), to, bytes(INFO), bytes(AAD), changed));
  await assert.rejects(open(new Uint8Array(32), to, bytes(INFO), bytes(AAD), bytes(vector.ciphertext)), "a shared secret of zeros");
});
