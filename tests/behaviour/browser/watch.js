// Runs in every page before the page's own scripts: writes down what is shown and when, what comes over the data channel and the
// WebSocket, and what sound arrives; and keeps the microphone shut until the test has the person speak. Otherwise the page is as it is.
(() => {
  if (window.watched) return;
  const watched = (window.watched = { shown: [], texts: [], messages: [], heard: [], packets: [], peers: [], microphone: null });
  const LIMIT = 50_000;
  const note = (list, entry) => { if (list.length < LIMIT) list.push(entry); };

  // Every text that the page has shown, and each change of the lines that must be true.
  const LINES = ['state', 'recording-state', 'problem'];
  const last = {};
  const texts = new Set();
  const look = (records) => {
    const at = Date.now();
    for (const record of records) {
      const text = (record.target.textContent || '').trim();
      if (text && text.length < 4_000 && !texts.has(text)) { texts.add(text); note(watched.texts, text); }
    }
    for (const id of LINES) {
      const element = document.getElementById(id);
      if (!element) continue;
      const text = element.innerText.replace(/\s+/g, ' ').trim();
      const state = element.dataset.state || '';
      if (!text || last[id] === `${state}|${text}`) continue;
      last[id] = `${state}|${text}`;
      note(watched.shown, { at, line: id, state, text });
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });

  // Messages in both directions.
  const tap = (from, target) => {
    target.addEventListener('message', (event) => {
      if (typeof event.data === 'string') note(watched.messages, { at: Date.now(), from, way: 'in', text: event.data });
    });
    const send = target.send.bind(target);
    target.send = (data) => {
      if (typeof data === 'string') note(watched.messages, { at: Date.now(), from, way: 'out', text: data });
      return send(data);
    };
  };
  const RealSocket = window.WebSocket;
  window.WebSocket = class extends RealSocket {
    constructor(...given) { super(...given); tap('socket', this); }
  };

  // The loudest frequency and the level of what comes in, every 40 ms for as long as the connection stands.
  const listen = (track, peer) => {
    const context = new AudioContext();
    const source = context.createMediaStreamSource(new MediaStream([track]));
    const analyser = context.createAnalyser();
    analyser.fftSize = 4096;
    analyser.smoothingTimeConstant = 0;
    source.connect(analyser);
    const [spectrum, samples] = [new Float32Array(analyser.frequencyBinCount), new Float32Array(2048)];
    const width = context.sampleRate / analyser.fftSize;
    const sampling = setInterval(() => {
      if (peer.connectionState === 'closed') {
        clearInterval(sampling);
        void context.close();
        return;
      }
      analyser.getFloatFrequencyData(spectrum);
      analyser.getFloatTimeDomainData(samples);
      let peak = Math.ceil(150 / width);
      for (let bin = peak; bin < 3_800 / width; bin += 1) if (spectrum[bin] > spectrum[peak]) peak = bin;
      const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      note(watched.heard, { at: Date.now(), hz: Math.round(peak * width), level });
    }, 40);
  };
  const RealPeer = window.RTCPeerConnection;
  // Where asked for, the encoded packets of the microphone as they go out; both directions have to be passed on by hand then.
  const pass = ({ readable, writable }, look) => {
    const transform = (frame, out) => { look?.(frame); out.enqueue(frame); };
    readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable).catch(() => {});
  };
  const packet = (frame) => note(watched.packets, { at: Date.now(), hex: [...new Uint8Array(frame.data)].map((byte) => byte.toString(16).padStart(2, '0')).join('') });
  window.RTCPeerConnection = class extends RealPeer {
    constructor(settings, ...given) {
      super(watched.encoded ? { ...settings, encodedInsertableStreams: true } : settings, ...given);
      watched.peers.push(this);
      this.addEventListener('track', (event) => {
        if (watched.encoded) pass(event.receiver.createEncodedStreams());
        if (event.track.kind === 'audio') listen(event.track, this);
      });
      this.addEventListener('datachannel', (event) => tap('channel', event.channel));
    }
    addTrack(...given) {
      const sender = super.addTrack(...given);
      if (watched.encoded) pass(sender.createEncodedStreams(), packet);
      return sender;
    }
    createDataChannel(...given) {
      const channel = super.createDataChannel(...given);
      tap('channel', channel);
      return channel;
    }
  };

  // Whether the last thing that the agent said was a consent question, and has been heard to its end.
  watched.asked = () => {
    const told = watched.messages.filter(({ from, way }) => from === 'channel' && way === 'in').map(({ text }) => JSON.parse(text));
    const last = told.findLast(({ type }) => type === 'saying');
    return last?.role === 'question' && told.some(({ type, line, outcome }) => type === 'said' && line === last.line && outcome === 'heard');
  };

  // The microphone plays a file over and over from the moment it is opened. With slots in it, it is shut but for one of them at a time.
  const devices = navigator.mediaDevices;
  if (devices) {
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wanted) => {
      // The browser's ways to better a voice make a tone come and go, and the test model's words others.
      const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      const stream = await open({ ...wanted, audio: { ...wanted.audio, ...plain } });
      watched.microphone = { at: Date.now(), tracks: stream.getAudioTracks() };
      if (watched.phrases) for (const track of watched.microphone.tracks) track.enabled = false;
      return stream;
    };
  }
  // Opens the microphone for the next time that the slot comes round: gives when, in milliseconds of the epoch.
  watched.say = (slot, length) => {
    const { at, tracks } = watched.microphone;
    const round = watched.phrases * length;
    const now = Date.now();
    let from = at + slot * length;
    while (from < now + 30) from += round;
    const open = (enabled) => { for (const track of tracks) track.enabled = enabled; };
    setTimeout(open, from - now, true);
    setTimeout(open, from - now + length, false);
    return { from, to: from + length };
  };
})();
