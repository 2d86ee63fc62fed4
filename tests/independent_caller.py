"""Calls a server with streamdouble, a Media Streams caller that is not ours, and prints as JSON what it thinks of it.

usage: independent_caller.py http://127.0.0.1:8080
It asks /twilio/voice what to do, runs the stream of the answer, presses 1 when the agent has fallen silent (after the consent
question) and hangs up when it has fallen silent again (after the first menu).
"""

import asyncio
import json
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

from streamdouble.protocol import StreamIdentity
from streamdouble.scenario import parse
from streamdouble.session import Session, SessionConfig

QUIET = {"wait_for": {"event": "quiet", "timeout": 60}}
SCENARIO = {"steps": [QUIET, {"dtmf": "1"}, {"wait": 1}, QUIET, {"expect": "no_violations"}, "hangup"]}


def main(base):
    who = StreamIdentity()
    form = {
        "CallSid": who.call_sid,
        "AccountSid": who.account_sid,
        "From": "+12025550123",
        "To": "+12025550199",
        "CallStatus": "ringing",
        "Direction": "inbound",
    }
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(base + "/twilio/voice", body, timeout=15) as answer:
        stream = ElementTree.fromstring(answer.read()).find("Connect/Stream")
    parameters = {found.get("name"): found.get("value") for found in stream.findall("Parameter")}
    config = SessionConfig(custom_parameters=parameters, max_call_s=90, quiet_period_s=1.5)
    url = base.replace("http", "ws", 1) + urllib.parse.urlparse(stream.get("url")).path
    result = asyncio.run(Session(url, scenario=parse(SCENARIO), identity=who, config=config).run())
    told = {
        "violations": [violation.code for violation in result.violations],
        "violation-count": result.violation_count,
        "unknown-events": result.unknown_events,
        "failed-expectations": result.failed_expectations,
        "warnings": result.warnings,
        "marks-received": len(result.marks_received),
        "marks-echoed": len(result.marks_echoed),
        "audio-seconds": result.audio_duration_s,
        "closed-by": result.closed_by,
        "timed-out": result.timed_out,
    }
    print(json.dumps(told))


main(*sys.argv[1:])
