"""The HTTP side of a call, as RFC 9725 (WHIP) and RFC 8840 (trickle fragments) have it, and what may be changed in an SDP on its way."""

import asyncio
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field


@dataclass
class Answer:
    status: int
    type: str = ""
    sdp: str = ""
    location: str = ""
    etag: str = ""
    links: list = field(default_factory=list)


def request(method, address, body=None, headers=None):
    """The response, whatever its status."""
    asked = urllib.request.Request(address, data=body, method=method, headers=headers or {})
    try:
        return urllib.request.urlopen(asked, timeout=15)
    except urllib.error.HTTPError as error:
        return error


def post_now(address, sdp, form):
    if form == "json":
        body, kind = json.dumps({"sdp": sdp, "type": "offer"}).encode(), "application/json"
    else:
        body, kind = sdp.encode(), "application/sdp"
    with request("POST", address, body, {"Content-Type": kind, "Accept": kind}) as response:
        text = response.read().decode()
        headers = response.headers
        answer = Answer(response.status, headers.get_content_type(), text, etag=headers.get("ETag", ""))
        answer.links = headers.get_all("Link") or []
        if headers.get("Location"):
            answer.location = urllib.parse.urljoin(address, headers["Location"])
        if answer.status == 201 and form == "json":
            told = json.loads(text)
            assert told["type"] == "answer", told["type"]
            answer.sdp = told["sdp"]
    return answer


async def post(address, sdp, form):
    return await asyncio.to_thread(post_now, address, sdp, form)


async def delete(location):
    def now():
        with request("DELETE", location) as response:
            return response.status

    return await asyncio.to_thread(now)


async def trickle(location, sdp, etag):
    """Sends the candidates of `sdp` after it, as a fragment, with the end of them."""
    lines = sdp.splitlines()
    fragment = [line for line in lines if line.startswith(("a=ice-ufrag:", "a=ice-pwd:"))][:2]
    media = [at for at, line in enumerate(lines) if line.startswith("m=")]
    fragment += [line for line in lines[: media[0]] if line.startswith("a=group:BUNDLE")]
    end = media[1] if len(media) > 1 else len(lines)
    fragment += [line for line in lines[media[0] : end] if line.startswith(("m=", "a=mid:", "a=candidate:"))]
    fragment.append("a=end-of-candidates")

    def now():
        headers = {"Content-Type": "application/trickle-ice-sdpfrag"}
        if etag:
            headers["If-Match"] = etag
        with request("PATCH", location, ("\r\n".join(fragment) + "\r\n").encode(), headers) as response:
            return response.status

    return await asyncio.to_thread(now)


def without_candidates(sdp):
    """An offer that tells no address, so that the server answers to where our packets come from."""
    return re.sub(r"a=(candidate:.*|end-of-candidates)\r?\n", "", sdp)


def reached_by(sdp, via):
    """An answer in which one UDP address stands for all of the server's."""
    host, port = via.rsplit(":", 1)
    lines, found = [], False
    for line in sdp.splitlines():
        if line.startswith("m="):
            found = False
        if line.startswith("a=candidate:"):
            if not found:
                lines.append(f"a=candidate:1 1 udp 2130706431 {host} {port} typ host")
            found = True
        else:
            lines.append(line)
    return "\r\n".join(lines) + "\r\n"
