"""One call: offer and answer over HTTP, the connection, the data channel, the ways to hang up."""

import asyncio
import json
import re

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCIceTransportPolicy

import signalling
import telephone_event
from sound import Ear, Mouth


class Call:
    def __init__(self, base, tell, now):
        self.base, self.tell, self.now = base, tell, now
        self.location = None
        self.mouth = Mouth(tell)
        self.ear = Ear(now)
        self.keypad = None
        self.listening = None

    async def offer(self, wish):
        servers = [RTCIceServer(**server) for server in wish.get("ice-servers", [])]
        policy = RTCIceTransportPolicy.RELAY if wish.get("relay-only") else RTCIceTransportPolicy.ALL
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=servers, iceTransportPolicy=policy))
        self.watch()
        with telephone_event.offered(wish.get("telephone-events", False)):
            sender = self.connection.addTrack(self.mouth)
            self.channel = self.connection.createDataChannel("candor")
            self.watch_channel()
            await self.connection.setLocalDescription(await self.connection.createOffer())
        ours = self.connection.localDescription.sdp
        self.tell("offered", candidates=sorted(set(re.findall(r"a=candidate:.* typ (\w+)", ours))))
        kept_back = wish.get("via") or wish.get("trickle")
        asked = self.now()
        answer = await signalling.post(
            self.base + "/webrtc" + wish.get("query", ""), signalling.without_candidates(ours) if kept_back else ours, wish.get("form", "sdp")
        )
        self.location = answer.location
        self.tell(
            "answered",
            status=answer.status,
            type=answer.type,
            location=answer.location,
            links=answer.links,
            etag=answer.etag,
            sdp=answer.sdp if answer.status == 201 else None,
            body=answer.sdp if answer.status != 201 else None,
            took=round(self.now() - asked, 4),
        )
        if answer.status != 201:
            return
        theirs = signalling.reached_by(answer.sdp, wish["via"]) if wish.get("via") else answer.sdp
        await self.connection.setRemoteDescription(RTCSessionDescription(theirs, "answer"))
        self.keypad = telephone_event.Keypad(sender, self.mouth, theirs)
        if wish.get("trickle"):
            status = await signalling.trickle(self.location, ours, answer.etag)
            self.tell("trickled", status=status)

    def watch(self):
        connection = self.connection

        @connection.on("connectionstatechange")
        def changed():
            self.tell("connection", state=connection.connectionState)

        @connection.on("track")
        def track(track):
            self.listening = asyncio.ensure_future(self.ear.listen(track))

        @connection.on("datachannel")
        def opened(channel):
            self.tell("channel-of-the-server", label=channel.label)

    def watch_channel(self):
        channel = self.channel

        @channel.on("open")
        def opened():
            self.tell("channel", state="open")

        @channel.on("close")
        def closed():
            self.tell("channel", state="closed")

        @channel.on("message")
        def message(message):
            if isinstance(message, bytes):
                self.tell("bytes", length=len(message))
            else:
                self.tell("notice", notice=json.loads(message))

    async def obey(self, do, command):
        if do == "send":
            message = command["message"]
            self.channel.send(message if isinstance(message, str) else json.dumps(message))
        elif do == "tone":
            self.mouth.say_tone(command["hz"], command["seconds"])
        elif do == "wav":
            self.mouth.say_file(command["file"])
        elif do == "keys":
            await self.keypad.press(command["digits"], command.get("ms", 160))
            self.tell("pressed")
        elif do == "heard":
            measured = await asyncio.to_thread(self.ear.measure, command.get("from"), command.get("to"), command.get("hz", []))
            self.tell("heard", **measured)
        elif do == "stats":
            report = await self.connection.getStats()
            self.tell("stats", stats=[vars(one) for one in report.values()])
        elif do == "hang-up":
            await self.hang_up(command["by"])
        else:
            raise ValueError(f"no such command: {do}")

    async def hang_up(self, by):
        if by == "channel":
            self.channel.send(json.dumps({"type": "hang-up"}))
        elif by == "delete":
            self.tell("deleted", status=await signalling.delete(self.location))
        elif by == "close":
            await self.connection.close()
            self.tell("closed")
        else:
            raise ValueError(f"no such way to hang up: {by}")

    async def close(self):
        await self.connection.close()
        if self.listening:
            await self.listening
