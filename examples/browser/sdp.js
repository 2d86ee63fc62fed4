// The texts of signalling: `Link` headers with ICE servers, SDP fragments for trickle and restart (RFC 9725, RFC 8840). Pure.

/** ICE servers from a `Link` header, as RTCPeerConnection wants them (RFC 9725, section 4.6). */
export function iceServers(header) {
  return links(header ?? "")
    .filter(({ parameters }) => (parameters.rel ?? "").split(/\s+/).includes("ice-server"))
    .filter(({ target }) => /^(stun|turn)s?:/i.test(target))
    .map(({ target, parameters }) => ({
      urls: target,
      ...(parameters.username === undefined ? {} : { username: parameters.username, credential: parameters.credential ?? "" }),
    }));
}

function links(header) {
  const found = [];
  const link = /<([^>]*)>((?:\s*;\s*[\w-]+\s*(?:=\s*(?:"(?:\\.|[^"\\])*"|[^",;\s]*))?)*)/g;
  const parameter = /;\s*([\w-]+)\s*(?:=\s*(?:"((?:\\.|[^"\\])*)"|([^",;\s]*)))?/g;
  for (const [, target, rest] of header.matchAll(link)) {
    const parameters = {};
    for (const [, name, quoted, plain] of rest.matchAll(parameter)) {
      parameters[name.toLowerCase()] ??= quoted === undefined ? (plain ?? "") : quoted.replace(/\\(.)/g, "$1");
    }
    found.push({ target, parameters });
  }
  return found;
}

/** What an SDP says of ICE: user fragment, password and the first section's media line and id. */
export function iceOf(sdp) {
  return {
    ufrag: /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1],
    pwd: /^a=ice-pwd:(\S+)/m.exec(sdp)?.[1],
    media: /^m=.*$/m.exec(sdp)?.[0].trim(),
    mid: /^a=mid:(\S+)/m.exec(sdp)?.[1],
  };
}

/** A fragment with candidates of `sdp`'s first section (all media is bundled on it). */
export function fragment(sdp, candidates, complete) {
  const { ufrag, pwd, media, mid } = iceOf(sdp);
  const lines = [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, media, `a=mid:${mid}`];
  for (const candidate of candidates) lines.push(candidate.startsWith("a=") ? candidate : `a=${candidate}`);
  if (complete) lines.push("a=end-of-candidates");
  return lines.join("\r\n") + "\r\n";
}

/** The candidates that stand in an SDP's first section. */
export function candidatesOf(sdp) {
  const first = sdp.split(/^m=/m)[1] ?? "";
  return first.match(/^a=candidate:.*$/gm)?.map((line) => line.trim()) ?? [];
}

/** The last answer with the ICE credentials and candidates of the fragment that came back from a restart; null if it holds none. */
export function restartedAnswer(answer, reply) {
  const { ufrag, pwd } = iceOf(reply);
  if (!ufrag || !pwd) return null;
  const candidates = reply.match(/^a=candidate:.*$/gm)?.map((line) => line.trim()) ?? [];
  let sections = 0;
  const lines = answer.split(/\r?\n/).filter((line) => line && !/^a=(candidate:|end-of-candidates)/.test(line));
  const renewed = lines.flatMap((line) => {
    if (line.startsWith("a=ice-ufrag:")) return [`a=ice-ufrag:${ufrag}`];
    if (line.startsWith("a=ice-pwd:")) return [`a=ice-pwd:${pwd}`];
    if (line.startsWith("a=mid:") && sections++ === 0) return [line, ...candidates];
    return [line];
  });
  return renewed.join("\r\n") + "\r\n";
}
