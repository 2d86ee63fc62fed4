// The sound of one call: a peer connection with one audio line, both ways. It decides nothing; whether the colleague is heard and hears is told to it.

// The offer carries all its candidates. A server behind none but host addresses answers long before this; a slow TURN server does not hold a caller up.
const GATHER_MS = 1500;

/**
 * @param {object} on
 * @param {(state: string) => void} on.state of the peer connection
 * @param {() => void} on.blocked the browser will not play sound before somebody presses something
 * @param {() => void} on.microphoneGone
 */
export async function openPeer({ iceServers, microphone, speaker, on }) {
  const peer = new RTCPeerConnection({ iceServers });
  const [track] = microphone.getAudioTracks();
  // Nothing leaves before the server says that the two are connected.
  track.enabled = false;
  track.onended = () => on.microphoneGone();
  speaker.muted = true;
  peer.addTransceiver(track, { direction: "sendrecv", streams: [microphone] });
  peer.onconnectionstatechange = () => on.state(peer.connectionState);
  peer.ontrack = ({ track: heard }) => {
    speaker.srcObject = new MediaStream([heard]);
    speaker.play().catch((problem) => problem.name === "NotAllowedError" && on.blocked());
  };

  await peer.setLocalDescription();
  await gathered(peer);

  return {
    offer: peer.localDescription.sdp,
    answer: (sdp) => peer.setRemoteDescription({ type: "answer", sdp }),
    sound({ speak, hear }) {
      track.enabled = speak;
      speaker.muted = !hear;
    },
    stats: () => peer.getStats(),
    close() {
      track.onended = null;
      peer.onconnectionstatechange = null;
      peer.ontrack = null;
      peer.close();
      speaker.srcObject = null;
    },
  };
}

function gathered(peer) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      peer.onicegatheringstatechange = null;
      resolve();
    };
    const timer = setTimeout(done, GATHER_MS);
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
    if (peer.iceGatheringState === "complete") done();
  });
}
