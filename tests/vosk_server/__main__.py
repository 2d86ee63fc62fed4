"""A stand-in for vosk-server, of which no package is at hand: its WebSocket protocol, written from its description, around the same library.

    python tests/vosk_server MODEL

Says the port that it listens on, and then, for each utterance that has ended, how many bytes of sound it was.
"""

import asyncio
import json
import sys
import types

# The library wants it for subtitles, which nobody asks for here.
sys.modules.setdefault("srt", types.ModuleType("srt"))

import websockets  # noqa: E402
from vosk import KaldiRecognizer, Model, SetLogLevel  # noqa: E402

END = '{"eof" : 1}'


async def utterance(socket, model):
    settings, recogniser, heard = {"sample_rate": 8000, "words": 0}, None, 0
    loop = asyncio.get_running_loop()
    async for message in socket:
        if isinstance(message, str) and "config" in message:
            # Settings are not answered.
            settings.update(json.loads(message)["config"])
            continue
        if recogniser is None:
            recogniser = KaldiRecognizer(model, float(settings["sample_rate"]))
            recogniser.SetWords(bool(settings["words"]))
        if message == END:
            await socket.send(recogniser.FinalResult())
            print(heard, flush=True)
            break
        heard += len(message)
        ended = await loop.run_in_executor(None, recogniser.AcceptWaveform, message)
        await socket.send(recogniser.Result() if ended else recogniser.PartialResult())


async def main():
    SetLogLevel(-1)
    model = Model(sys.argv[1])
    async with websockets.serve(lambda socket: utterance(socket, model), "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
