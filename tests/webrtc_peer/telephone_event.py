"""Keys as RFC 4733 telephone events, which aiortc does not have: audio packets on their way out become events while a key is down."""

import asyncio
import contextlib
import re
import struct

from aiortc.codecs import CODECS
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtpPacket

PAYLOAD_TYPE = 110
EVENTS = "0123456789*#"
# 20 ms at 48 kHz, and 10 below full scale.
STEP, VOLUME = 960, 10
# Section 2.5.1.4: the last packet is sent three times.
ENDS = 3


@contextlib.contextmanager
def offered(wanted):
    """While this is entered, offers hold telephone-event/48000 if it is wanted."""
    codec = RTCRtpCodecParameters(mimeType="audio/telephone-event", clockRate=48000, channels=1, payloadType=PAYLOAD_TYPE)
    if wanted:
        CODECS["audio"].append(codec)
    try:
        yield
    finally:
        if wanted:
            CODECS["audio"].remove(codec)


class Keypad:
    """Stands between a sender and its transport, and notes what carries the words of the mouth."""

    def __init__(self, sender, mouth, answer):
        self.mouth = mouth
        self.agreed = re.search(r"a=rtpmap:110 telephone-event/48000", answer) is not None
        self.ssrc = sender._ssrc
        self.events = []
        self.emptied = asyncio.Event()
        self.pass_on = sender.transport._send_rtp
        self.start = 0
        sender.transport._send_rtp = self.send

    async def press(self, digits, milliseconds):
        """Presses each key, with a pause of 100 ms after it; comes back when the last has been sent."""
        if not self.agreed:
            raise ValueError("the answer has no telephone-event/48000")
        steps = max(1, milliseconds // 20)
        for digit in digits:
            event = EVENTS.index(digit)
            self.events += [(event, number == 1, False, number * STEP) for number in range(1, steps + 1)]
            self.events += [(event, False, True, steps * STEP)] * ENDS
            self.events += [None] * 5
        self.emptied.clear()
        await self.emptied.wait()

    async def send(self, data):
        # RTCP takes the same way and has packet types from 192 to 223 in the second byte (RFC 5761).
        if not 192 <= data[1] <= 223:
            if self.mouth.carried is not None:
                self.mouth.carried.append(RtpPacket.parse(data).payload.hex())
            if self.events:
                data = self.replaced(data)
        await self.pass_on(data)

    def replaced(self, data):
        packet = RtpPacket.parse(data)
        if packet.ssrc != self.ssrc:
            return data
        key = self.events.pop(0)
        if not self.events:
            self.emptied.set()
        if key is None:
            return data
        event, first, end, duration = key
        if first:
            self.start = packet.timestamp
        packet.payload_type, packet.marker, packet.timestamp = PAYLOAD_TYPE, int(first), self.start
        packet.payload = struct.pack("!BBH", event, (0x80 if end else 0) | VOLUME, duration)
        return packet.serialize()
