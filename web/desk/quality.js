// The quality of a call from WebRTC's own statistics (W3C webrtc-stats), over the seconds since the last look.

/** What to remember from one look to the next: packets received and lost so far. */
export const NO_LOOK = { received: 0, lost: 0 };

/**
 * @param {Iterable<object>} reports the values of an RTCStatsReport
 * @param {{received: number, lost: number}} before the last look
 * @returns {{look: object, quality: null | {lossPercent: number, jitterMs: number, roundTripMs: number | null, grade: "good" | "fair" | "poor"}}}
 *   no quality when nothing came in since
 */
export function measure(reports, before) {
  let inbound;
  let remote;
  let pair;
  for (const report of reports) {
    if (report.type === "inbound-rtp" && report.kind === "audio") inbound = report;
    if (report.type === "remote-inbound-rtp" && report.kind === "audio") remote = report;
    if (report.type === "candidate-pair" && report.nominated && report.state === "succeeded") pair = report;
  }
  if (!inbound) return { look: before, quality: null };
  const look = { received: inbound.packetsReceived ?? 0, lost: inbound.packetsLost ?? 0 };
  const received = look.received - before.received;
  // Late packets that came after all make the count of the lost go down.
  const lost = Math.max(0, look.lost - before.lost);
  if (received + lost <= 0) return { look, quality: null };
  const seconds = pair?.currentRoundTripTime ?? remote?.roundTripTime;
  const quality = {
    lossPercent: (100 * lost) / (received + lost),
    jitterMs: Math.round((inbound.jitter ?? 0) * 1000),
    roundTripMs: seconds === undefined ? null : Math.round(seconds * 1000),
  };
  return { look, quality: { ...quality, grade: grade(quality) } };
}

// Opus with in-band FEC hides a few per cent; past 400 ms there and back people begin to talk through each other (ITU-T G.114: 150 to 200 ms one way).
function grade({ lossPercent, jitterMs, roundTripMs }) {
  if (lossPercent > 8 || jitterMs > 80 || roundTripMs > 600) return "poor";
  if (lossPercent > 2 || jitterMs > 40 || roundTripMs > 400) return "fair";
  return "good";
}
