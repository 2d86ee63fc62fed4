// One call: the microphone, the peer connection, and the HTTP exchange that sets it up. Shows nothing and judges nothing.
//
// `on.link(to, why)`, `on.notice(message)`, `on.problem(code)` and `on.microphoneGone()` tell what happens. The codes are keys of `problems` in the texts.

import { watchPulse } from "./pulse.js";
import { candidatesOf, fragment, iceServers, restartedAnswer } from "./sdp.js";

const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";
/** Candidates that need a server's answer may take long; the offer does not wait for those. */
const GATHERING_MS = 400;
/** Media that has not come by then is not coming. */
const CONNECTING_MS = 15_000;
/** As long as the server waits for a caller who is gone. */
const LAPSE_MS = 15_000;
/** After hanging up, the server's last word is waited for this long. */
const LAST_WORD_MS = 1_500;

export class Call {
  /** `endpoint`: where offers go. `voice`: the audio element that plays the agent. */
  constructor({ endpoint, voice, on }) {
    this.endpoint = endpoint;
    this.voice = voice;
    this.on = on;
    this.closed = false;
    this.left = false;
    this.timers = new Set();
  }

  /** Starts the call; `microphone: false` sends silence, and keys are the way to answer. */
  async start({ microphone, language }) {
    try {
      this.on.link("microphone");
      this.source = microphone ? await openMicrophone() : await openSilence();
      if (this.closed) return this.source.close();
      this.watchMicrophone();
      this.on.link("signalling");
      await this.connect(language);
    } catch (error) {
      if (!this.closed) this.fail(error instanceof Problem ? error.code : "failed");
    }
  }

  /** The stream that is sent: for the level meter. Null without a microphone. */
  get stream() {
    return this.source?.microphone ? this.source.stream : null;
  }

  /** A message to the agent. Says whether it went. */
  send(message) {
    if (this.channel?.readyState !== "open") return false;
    this.channel.send(JSON.stringify(message));
    return true;
  }

  /** A headset that is unplugged, or a permission that is taken back, must not end the call: silence goes out from then on. */
  watchMicrophone() {
    if (!this.source.microphone) return;
    for (const track of this.source.stream.getAudioTracks()) track.onended = () => void this.microphoneGone();
  }

  async microphoneGone() {
    if (this.left || this.closed) return;
    const silence = await openSilence();
    if (this.left || this.closed) return silence.close();
    this.source.close();
    this.source = silence;
    this.on.microphoneGone();
    // A connection that is still to be made takes the silence by itself.
    const sender = this.peer?.getSenders().find(({ track }) => track?.kind === "audio");
    await sender?.replaceTrack(silence.stream.getAudioTracks()[0]).catch(() => {});
  }

  /** Silence goes out while muted. The line stays. */
  mute(on) {
    for (const track of this.source?.stream.getAudioTracks() ?? []) track.enabled = !on;
  }

  /** Ends the call and waits a moment for the server's word on it. */
  async hangUp() {
    if (this.left || this.closed) return;
    this.left = true;
    this.on.link("hanging-up");
    this.source?.close();
    const told = this.send({ type: "hang-up" });
    const word = new Promise((resolve) => {
      this.lastWord = resolve;
      this.after(LAST_WORD_MS, resolve);
    });
    // What became of the last turn comes over the channel. A server that does not answer there is told in another way.
    if (told) await word;
    if (!this.heardEnd) await this.delete();
    this.close("hung-up");
  }

  /** The page goes away: nothing can be waited for. */
  abandon() {
    if (this.closed) return;
    this.send({ type: "hang-up" });
    void this.delete();
    this.close("hung-up");
  }

  async connect(language) {
    if (typeof RTCPeerConnection !== "function") throw new Problem("unsupported");
    const servers = await this.askIceServers();
    // Hung up meanwhile: a connection made now would be nobody's to close.
    if (this.closed || this.left) return;
    const peer = (this.peer = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" }));
    this.pending = [];
    peer.onicecandidate = ({ candidate }) => this.gathered(candidate);
    peer.ontrack = ({ track, streams }) => this.play(streams[0] ?? new MediaStream([track]));
    peer.onconnectionstatechange = () => this.connectionChanged();
    this.stopPulse = watchPulse(peer, (alive) => {
      if (!this.closed && !this.left && !this.lapsed) this.on.link(alive ? "connected" : "interrupted");
    });
    this.openChannel(peer);
    for (const track of this.source.stream.getAudioTracks()) peer.addTrack(track, this.source.stream);

    await peer.setLocalDescription();
    await this.settled(peer, GATHERING_MS);
    if (this.closed) return;
    const answer = await this.offer(peer.localDescription.sdp, language);
    if (this.closed) return void this.delete();
    this.on.link("connecting");
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
    if (this.closed) return;
    this.answer = answer;
    this.trickling = true;
    this.trickle();
    this.connecting = this.after(CONNECTING_MS, () => this.fail("no-media"));
  }

  /** Before the offer, so that relays are gathered with it. A server that does not answer this is tried without. */
  async askIceServers() {
    try {
      const reply = await fetch(this.endpoint, { method: "OPTIONS", signal: AbortSignal.timeout(3_000) });
      return iceServers(reply.headers.get("Link"));
    } catch {
      return [];
    }
  }

  async offer(sdp, language) {
    const url = new URL(this.endpoint);
    if (language) url.searchParams.set("language", language);
    let reply;
    try {
      reply = await fetch(url, { method: "POST", headers: { "Content-Type": SDP, Accept: SDP }, body: sdp });
    } catch {
      throw new Problem(navigator.onLine === false ? "offline" : "unreachable");
    }
    if (reply.status !== 201) throw new Problem(await refusal(reply));
    this.location = new URL(reply.headers.get("Location") ?? "", reply.url).href;
    this.tag = reply.headers.get("ETag");
    return reply.text();
  }

  openChannel(peer) {
    const channel = (this.channel = peer.createDataChannel("candor"));
    channel.onmessage = ({ data }) => {
      let message;
      try {
        message = JSON.parse(data);
      } catch {
        return; // Not of this schema; the state must not move on what cannot be read.
      }
      this.on.notice(message);
      if (message?.type !== "ended") return;
      this.heardEnd = true;
      this.lastWord?.();
      // What was sent just before may still be in the jitter buffer: the goodbye is heard out.
      this.after(1_000, () => this.close("ended"));
    };
    channel.onclose = () => this.close(this.heardEnd ? "ended" : this.left ? "hung-up" : "lost");
  }

  gathered(candidate) {
    this.pending.push(candidate?.candidate ? candidate.candidate : null);
    if (this.trickling) this.trickle();
  }

  /** Sends what was gathered since; what the offer already holds is not said twice. */
  trickle() {
    const sdp = this.peer.localDescription.sdp;
    const complete = this.pending.includes(null);
    const fresh = this.pending.filter((c) => c !== null && !this.offered?.has(address(c)));
    this.pending = [];
    if (fresh.length) void this.patch(fragment(sdp, fresh, complete), this.tag ?? undefined).catch(() => {});
  }

  async settled(peer, within) {
    if (peer.iceGatheringState !== "complete") {
      await new Promise((resolve) => {
        peer.addEventListener("icegatheringstatechange", () => peer.iceGatheringState === "complete" && resolve());
        this.after(within, resolve);
      });
    }
    if (this.closed) return;
    this.offered = new Set(candidatesOf(peer.localDescription.sdp).map((line) => address(line.slice(2))));
  }

  async play(stream) {
    this.voice.srcObject = stream;
    try {
      await this.voice.play();
    } catch {
      if (!this.closed) this.on.problem("silent");
    }
  }

  connectionChanged() {
    switch (this.peer.connectionState) {
      case "connected":
        clearTimeout(this.connecting);
        clearTimeout(this.lapse);
        clearTimeout(this.retry);
        this.lapsed = false;
        if (!this.left) this.on.link("connected");
        break;
      case "disconnected":
      case "failed":
        this.interrupted();
        break;
    }
  }

  /** The connection is gone for now: 15 seconds to come back, over another network if need be. */
  interrupted() {
    if (this.lapsed || this.left || this.closed || !this.answer) return;
    this.lapsed = true;
    this.on.link("interrupted");
    this.lapse = this.after(LAPSE_MS, () => this.fail("lost"));
    void this.restart();
  }

  /** ICE restart (RFC 9725, section 4.3.3): new credentials by PATCH, the rest of the session stands. */
  async restart() {
    try {
      this.trickling = false;
      this.pending = [];
      this.peer.restartIce();
      if (this.peer.signalingState === "stable") await this.peer.setLocalDescription();
      await this.settled(this.peer, GATHERING_MS);
      if (this.closed) return;
      const sdp = this.peer.localDescription.sdp;
      const complete = this.peer.iceGatheringState === "complete";
      const reply = await this.patch(fragment(sdp, candidatesOf(sdp), complete), "*");
      if (!this.lapsed || this.closed) return;
      if (reply.status === 404 || reply.status === 410) return this.fail("lost");
      const renewed = reply.status === 200 ? restartedAnswer(this.answer, await reply.text()) : null;
      if (!renewed) return; // The server does not restart: the old path may still come back by itself.
      this.tag = reply.headers.get("ETag") ?? this.tag;
      await this.peer.setRemoteDescription({ type: "answer", sdp: renewed });
      this.answer = renewed;
      this.trickling = true;
      this.trickle();
      if (this.peer.connectionState === "connected") return this.connectionChanged();
      this.retry = this.after(5_000, () => this.lapsed && this.restart());
    } catch {
      // No network yet: again, until the 15 seconds are over.
      if (this.lapsed && !this.closed) this.retry = this.after(1_000, () => this.restart());
    }
  }

  patch(body, tag) {
    const headers = { "Content-Type": FRAGMENT, ...(tag ? { "If-Match": tag } : {}) };
    return fetch(this.location, { method: "PATCH", headers, body, signal: AbortSignal.timeout(5_000) });
  }

  async delete() {
    const location = this.location;
    this.location = null;
    if (!location) return;
    // `keepalive`: it must arrive although the page may be gone.
    await fetch(location, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  fail(code) {
    if (this.closed) return;
    this.on.problem(code);
    void this.delete();
    this.close(code === "lost" ? "lost" : "failed");
  }

  close(why) {
    if (this.closed) return;
    this.closed = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.stopPulse?.();
    this.source?.close();
    this.peer?.close();
    this.voice.srcObject = null;
    this.on.link("closed", why);
  }

  after(milliseconds, then) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      then();
    }, milliseconds);
    this.timers.add(timer);
    return timer;
  }
}

/** What makes a candidate itself; browsers write the rest differently in events and descriptions. */
function address(candidate) {
  return candidate.split(" ").slice(0, 6).join(" ");
}

/** Something that a person can do something about; `code` names its text. */
class Problem extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** Where there is no room the server says why, and each reason has another way out. */
async function refusal(reply) {
  const { status } = reply;
  if (status === 503) {
    const told = await reply.json().catch(() => null);
    return { openings: "rush", stopping: "renewing" }[told?.reason] ?? "busy";
  }
  if (status === 429) return "too-many";
  if (status === 403) return "forbidden";
  if (status === 404 || status === 405) return "not-offered";
  return status >= 500 ? "server" : "not-accepted";
}

async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) throw new Problem(window.isSecureContext ? "unsupported" : "insecure");
  const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    return { stream, microphone: true, close: () => stream.getTracks().forEach((track) => track.stop()) };
  } catch (error) {
    const codes = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "no-microphone", NotReadableError: "microphone-busy" };
    throw new Problem(codes[error.name] ?? "microphone-failed");
  }
}

/** A track of silence: the server sees packets, and so that the caller is there. */
async function openSilence() {
  const context = new AudioContext();
  const { stream } = context.createMediaStreamDestination();
  await context.resume();
  return { stream, microphone: false, close: () => void context.close().catch(() => {}) };
}
