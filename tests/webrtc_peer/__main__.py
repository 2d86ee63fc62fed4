"""An independent WebRTC peer (aiortc) for the tests: commands on standard input, what happens on standard output, one JSON object a line.

usage: python tests/webrtc_peer http://127.0.0.1:8080

A command has "do" and, where several calls share this process, "call" (any name). What happens has "event", "call" and "at", the seconds
since this process began. The commands, with what can be left out in brackets:

  {"do": "call"}             offers, and goes on once the answer is in. ["form": "sdp" | "json"] how the offer is posted, ["query"] what is
                             added to the address, ["via": "host:port"] the one address to reach the server by (its own candidates are left
                             out, and ours are not told), ["trickle": true] our candidates follow by PATCH, ["telephone-events": true]
                             offer keys as RFC 4733, ["ice-servers": [...], "relay-only": true]
  {"do": "send", "message"}  sends JSON through the data channel; a string goes as it is
  {"do": "tone", "hz", "seconds"}, {"do": "wav", "file"}
                             speaks: silence before it and after it. Tells "speaking", and "spoken" with the packets
  {"do": "keys", "digits"}   presses them as RFC 4733 events. ["ms": 160] each
  {"do": "heard"}            measures what was heard. ["from", "to": seconds as in "at"], ["hz": [..]] which tones to look for
  {"do": "stats"}            what aiortc counts
  {"do": "hang-up", "by": "close" | "delete" | "channel"}
                             closes the connection, deletes the call's address, or says it through the data channel
  {"do": "forget"}           closes what is left of a call and lets go of it
  {"do": "quit"}
"""

import asyncio
import json
import os
import sys
import time

import aioice.ice

from call import Call

BEGAN = time.monotonic()

# Only this machine is there: the tests run where there may be no other network.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def now():
    return time.monotonic() - BEGAN


class Peer:
    def __init__(self, base):
        self.base = base
        self.calls = {}

    def tell(self, event, **more):
        print(json.dumps({"event": event, "at": round(now(), 4), **more}, default=str), flush=True)

    async def obey(self, command):
        name = command.get("call", "")
        do = command["do"]
        if do == "call":
            self.calls[name] = Call(self.base, lambda event, **more: self.tell(event, call=name, **more), now)
            await self.calls[name].offer(command)
        elif do == "forget":
            await self.calls.pop(name).close()
            self.tell("forgotten", call=name)
        else:
            await self.calls[name].obey(do, command)

    async def obey_or_say_why_not(self, command):
        try:
            await self.obey(command)
        except Exception as error:  # whatever it is, the test wants to know and decides
            self.tell("failed", call=command.get("call", ""), do=command.get("do"), why=f"{type(error).__name__}: {error}")

    async def run(self):
        lines = asyncio.StreamReader(limit=1 << 20)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        self.tell("ready", process=os.getpid())
        running = set()
        while line := await lines.readline():
            command = json.loads(line)
            if command["do"] == "quit":
                break
            task = asyncio.ensure_future(self.obey_or_say_why_not(command))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        for call in self.calls.values():
            await call.close()


asyncio.run(Peer(sys.argv[1]).run())
