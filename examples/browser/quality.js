// The quality of the call, once a second, from the browser's own counts.

/** Before anything was measured, and while there is nothing to measure. */
export const UNMEASURED = { loss: null, lossThere: null, jitter: null, roundTrip: null, word: "unknown" };

/** Counts of one moment, from a stats report. Missing ones are null: not every browser counts everything. */
export function counts(report) {
  let [received, lost, jitter, roundTrip, lostThere] = [null, null, null, null, null];
  for (const entry of report.values()) {
    if (entry.type === "inbound-rtp" && entry.kind === "audio") {
      received = entry.packetsReceived ?? null;
      lost = entry.packetsLost ?? null;
      jitter = entry.jitter ?? null;
    } else if (entry.type === "remote-inbound-rtp" && entry.kind === "audio") {
      lostThere = entry.fractionLost ?? null;
      roundTrip ??= entry.roundTripTime ?? null;
    } else if (entry.type === "candidate-pair" && entry.nominated) {
      roundTrip = entry.currentRoundTripTime ?? roundTrip;
    }
  }
  return { received, lost, jitter, roundTrip, lostThere };
}

/** Loss between two moments (0 to 1), jitter and round trip in milliseconds, and a word for it all. */
export function quality(before, now) {
  const loss = lossBetween(before, now);
  const jitter = now.jitter === null ? null : now.jitter * 1000;
  const roundTrip = now.roundTrip === null ? null : now.roundTrip * 1000;
  return { loss, lossThere: now.lostThere, jitter, roundTrip, word: word(loss, now.lostThere, jitter, roundTrip) };
}

function lossBetween(before, now) {
  if (!before || before.received === null || now.received === null || now.lost === null) return null;
  const received = now.received - before.received;
  // Late packets are subtracted from those lost: the difference may be negative.
  const lost = Math.max(0, now.lost - before.lost);
  return received + lost > 0 ? lost / (received + lost) : null;
}

/** The bounds are those at which people begin to complain: about 2 % loss, 30 ms jitter and 300 ms round trip; thrice that hinders a talk. */
function word(loss, lossThere, jitter, roundTrip) {
  if (loss === null && jitter === null && roundTrip === null) return "unknown";
  const worst = Math.max((loss ?? 0) / 0.02, (lossThere ?? 0) / 0.02, (jitter ?? 0) / 30, (roundTrip ?? 0) / 300);
  return worst < 1 ? "good" : worst < 3 ? "fair" : "poor";
}

/** Calls `show` each second with the quality over the last five. Gives a function that stops it. */
export function watchQuality(peer, show) {
  const past = [];
  let stopped = false;
  const timer = setInterval(async () => {
    if (peer.connectionState === "closed") return;
    const now = counts(await peer.getStats());
    // Stopped while the browser counted: what it found is no longer so.
    if (stopped) return;
    show(quality(past[0], now));
    past.push(now);
    if (past.length > 5) past.shift();
  }, 1_000);
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}
