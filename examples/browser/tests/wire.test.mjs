import assert from "node:assert/strict";
import { test } from "node:test";
import { quality } from "../quality.js";
import { arrived } from "../pulse.js";
import { candidatesOf, fragment, iceOf, iceServers, restartedAnswer } from "../sdp.js";

const sdp = [
  "v=0",
  "o=- 1 1 IN IP4 0.0.0.0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
  "a=ice-ufrag:EsAw",
  "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
  "a=mid:0",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  "a=ice-ufrag:EsAw",
  "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
  "a=mid:1",
  "",
].join("\r\n");

test("ICE servers are read from Link headers, several to a header, quoted or not", () => {
  const header = '<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>; rel="ice-server"; username="1234:us\\"er"; credential="a,b;c"; credential-type="password"';
  assert.deepEqual(iceServers(header), [
    { urls: "stun:stun.example.net" },
    { urls: "turn:turn.example.net?transport=udp", username: '1234:us"er', credential: "a,b;c" },
  ]);
  assert.deepEqual(iceServers("<turns:t.example:443>;rel=ice-server;username=u;credential=c"), [{ urls: "turns:t.example:443", username: "u", credential: "c" }]);
});

test("links that are not ICE servers are left out", () => {
  assert.deepEqual(iceServers('<https://example.net/help>; rel="help", <https://example.net>; rel="ice-server"'), []);
  assert.deepEqual(iceServers(null), []);
});

test("a fragment holds the credentials, the first section and the candidates", () => {
  assert.equal(
    fragment(sdp, ["candidate:2 1 udp 1 192.0.2.2 6000 typ host"], true),
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:2 1 udp 1 192.0.2.2 6000 typ host\r\na=end-of-candidates\r\n",
  );
  assert.deepEqual(candidatesOf(sdp), ["a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"]);
});

test("a restart puts new credentials in every section and new candidates in the first", () => {
  const renewed = restartedAnswer(sdp, "a=ice-ufrag:new1\r\na=ice-pwd:newnewnewnewnewnewnewn\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:9 1 udp 1 198.51.100.1 7000 typ host\r\n");
  assert.equal(renewed.match(/a=ice-ufrag:new1/g).length, 2);
  assert.ok(!renewed.includes("EsAw"));
  assert.deepEqual(candidatesOf(renewed), ["a=candidate:9 1 udp 1 198.51.100.1 7000 typ host"]);
  assert.equal(iceOf(renewed).media, "m=audio 9 UDP/TLS/RTP/SAVPF 111");
});

test("a reply without credentials restarts nothing", () => {
  assert.equal(restartedAnswer(sdp, ""), null);
});

test("quality: loss between two moments, and a word for it", () => {
  const count = (received, lost, jitter, roundTrip) => ({ received, lost, jitter, roundTrip, lostThere: null });
  const good = quality(count(100, 0, 0.002, 0.05), count(350, 0, 0.002, 0.05));
  assert.deepEqual([good.loss, good.jitter, good.roundTrip, good.word], [0, 2, 50, "good"]);
  assert.equal(quality(count(100, 0, 0.002, 0.05), count(340, 10, 0.002, 0.05)).word, "fair");
  assert.equal(quality(count(100, 0, 0.002, 0.05), count(300, 50, 0.002, 0.05)).word, "poor");
  assert.equal(quality(null, { received: null, lost: null, jitter: null, roundTrip: null, lostThere: null }).word, "unknown");
  assert.equal(quality(count(100, 3, 0.002, 0.05), count(350, 2, 0.002, 0.05)).loss, 0);
});

test("the pulse counts what comes over the path in use, and nothing where checks are not counted", () => {
  const pair = { type: "candidate-pair", nominated: true, state: "succeeded", requestsReceived: 2, responsesReceived: 3, packetsReceived: 5, bytesReceived: 100 };
  const report = (entry) => new Map([["other", { type: "candidate-pair", state: "waiting", requestsReceived: 9, responsesReceived: 9 }], ["pair", entry]]);
  assert.equal(arrived(report(pair)), 110);
  assert.equal(arrived(report({ ...pair, requestsReceived: undefined })), null);
  assert.equal(arrived(new Map([["old", pair], ["new", { ...pair, packetsReceived: 6 }]])), 221);
  assert.equal(arrived(new Map()), null);
});
