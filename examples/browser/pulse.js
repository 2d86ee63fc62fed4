// Whether anything still comes from the server. A browser takes five seconds and more to say that a connection is interrupted; the server
// has stopped its recorder by then, and the page must not go on saying that it records.

/** Connectivity checks alone come every two seconds and more, from either side. */
const SILENT_MS = 3_000;
const LOOK_MS = 500;

/** Everything that has come in, checks included; null where the browser does not count checks. After a restart the old path is still listed. */
export function arrived(report) {
  let sum = null;
  for (const entry of report.values()) {
    // Not by its `state`: that leaves `succeeded` while a check is under way, which is when this matters.
    if (entry.type !== "candidate-pair" || !entry.nominated) continue;
    if (entry.requestsReceived === undefined || entry.responsesReceived === undefined) return null;
    sum = (sum ?? 0) + entry.requestsReceived + entry.responsesReceived + (entry.packetsReceived ?? 0) + (entry.bytesReceived ?? 0);
  }
  return sum;
}

/** Calls `changed(false)` when nothing has come for three seconds, `changed(true)` when something comes again. Gives a function that stops it. */
export function watchPulse(peer, changed) {
  let last = null;
  let since = performance.now();
  let alive = true;
  const timer = setInterval(async () => {
    if (peer.connectionState !== "connected") {
      last = null;
      since = performance.now();
      alive = true;
      return;
    }
    const now = arrived(await peer.getStats());
    if (now === null) return;
    if (now !== last) {
      last = now;
      since = performance.now();
      if (!alive) changed((alive = true));
    } else if (alive && performance.now() - since >= SILENT_MS) {
      changed((alive = false));
    }
  }, LOOK_MS);
  return () => clearInterval(timer);
}
