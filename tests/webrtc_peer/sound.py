"""What the peer says and what it hears: tones and files at 48 kHz going out, an 8 kHz record of what came in, and how to measure it."""

import array
import asyncio
import bisect
import fractions
import math
import time
import wave

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, AudioResampler

RATE, FRAME = 48000, 960
HEARD_RATE, HEARD_FRAME = 8000, 160
# From here on, in RMS of full scale 32768, there is something to be heard: -45 dBFS.
SOUND = 184.0
# A window in which a tone is looked for, and the share of its power that must be the tone's.
WINDOW, PURE = 800, 0.8


class Mouth(MediaStreamTrack):
    """Silence, and what it was told to say, a frame every 20 ms."""

    kind = "audio"

    def __init__(self, tell):
        super().__init__()
        self.tell = tell
        self.said = []
        # The packets that carried what is being said, while anything is.
        self.carried = None
        self.frames = 0
        self.began = None

    def say_tone(self, hz, seconds):
        loud = 0.3 * 32767
        samples = (loud * math.sin(2 * math.pi * hz * at / RATE) for at in range(int(seconds * RATE)))
        self.say(array.array("h", (int(sample) for sample in samples)).tobytes())

    def say_file(self, file):
        with wave.open(file) as recorded:
            assert recorded.getnchannels() == 1 and recorded.getsampwidth() == 2, "one channel of 16 bits"
            frame = frame_of(recorded.readframes(recorded.getnframes()), recorded.getframerate(), 0)
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        self.say(b"".join(pcm(part) for part in resampler.resample(frame) + resampler.resample(None)))

    def say(self, data):
        whole = len(data) + -len(data) % (FRAME * 2)
        data = data.ljust(whole, b"\0")
        self.said.append("speaking")
        self.said += [data[at : at + FRAME * 2] for at in range(0, whole, FRAME * 2)]
        self.said.append("spoken")

    async def recv(self):
        self.began = self.began or time.monotonic()
        due = self.began + self.frames * FRAME / RATE
        # A process that stood still goes on from now, and does not catch up.
        if time.monotonic() - due > 0.5:
            self.began += time.monotonic() - due
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        while self.said and isinstance(self.said[0], str):
            self.turn_over(self.said.pop(0))
        data = self.said.pop(0) if self.said else bytes(FRAME * 2)
        frame = frame_of(data, RATE, self.frames * FRAME)
        self.frames += 1
        return frame

    def turn_over(self, page):
        if page == "speaking":
            self.carried = []
            self.tell(page)
        else:
            self.tell(page, packets=self.carried)
            self.carried = None


def frame_of(data, rate, pts):
    frame = AudioFrame(format="s16", layout="mono", samples=len(data) // 2)
    frame.planes[0].update(data)
    frame.sample_rate, frame.pts, frame.time_base = rate, pts, fractions.Fraction(1, rate)
    return frame


def pcm(frame):
    return bytes(frame.planes[0])[: frame.samples * 2]


class Ear:
    """Everything that was heard, where its timestamps put it; nothing is 0. Moments are those at which frames came."""

    def __init__(self, now):
        self.now = now
        self.samples = array.array("h")
        self.frames = 0
        self.gaps = []
        # When each frame came, and where it lies among the samples.
        self.came = []
        self.places = []

    async def listen(self, track):
        resampler = AudioResampler(format="s16", layout="mono", rate=HEARD_RATE)
        try:
            while True:
                frame = await track.recv()
                self.place(frame, resampler)
        except MediaStreamError:
            pass

    def place(self, frame, resampler):
        begins = frame.pts / RATE
        missing = int(begins * HEARD_RATE) - len(self.samples)
        if missing > HEARD_FRAME // 2 and self.frames:
            self.gaps.append([round(len(self.samples) / HEARD_RATE, 3), round(missing / HEARD_RATE, 3)])
        # The resampler holds a few samples back, so less than a frame is no hole.
        if missing > HEARD_FRAME // 2:
            self.samples.extend([0] * missing)
        self.frames += 1
        self.came.append(self.now())
        self.places.append(len(self.samples))
        frame.pts = None
        for part in resampler.resample(frame):
            self.samples.frombytes(pcm(part))

    def place_at(self, moment):
        """Where among the samples the first frame lies that came from this moment on."""
        frame = bisect.bisect_left(self.came, moment)
        return self.places[frame] if frame < len(self.places) else len(self.samples)

    def moment_of(self, place):
        """When the frame came that holds this sample."""
        return round(self.came[max(0, bisect.bisect_right(self.places, place) - 1)], 3)

    def measure(self, begins, ends, tones):
        """Levels and tones between two moments of this process; without them, of everything."""
        first = 0 if begins is None else self.place_at(begins)
        samples = self.samples[first : len(self.samples) if ends is None else self.place_at(ends)]
        levels = [power(samples[at : at + HEARD_FRAME]) ** 0.5 for at in range(0, len(samples) - HEARD_FRAME + 1, HEARD_FRAME)]
        sounding = [level for level in levels if level >= SOUND]
        loud = math.sqrt(sum(level * level for level in sounding) / len(sounding)) if sounding else 0.0
        return {
            "frames": self.frames,
            "seconds": round(len(samples) / HEARD_RATE, 3),
            "sounding": round(len(sounding) * HEARD_FRAME / HEARD_RATE, 3),
            "first-sound": next((self.moment_of(first + at * HEARD_FRAME) for at, level in enumerate(levels) if level >= SOUND), None),
            "holes": holes(samples),
            "dbfs": round(20 * math.log10(loud / 32768), 1) if loud else None,
            "gaps": self.gaps,
            "tones": {str(hz): round(sounding_tone(samples, hz) / HEARD_RATE, 3) for hz in tones},
        }


def power(samples):
    return sum(sample * sample for sample in samples) / max(1, len(samples))


def holes(samples):
    """How many pieces of 10 ms between the first sound and the last are less than half as loud as most; a steady tone has none."""
    piece = HEARD_FRAME // 2
    levels = [power(samples[at : at + piece]) ** 0.5 for at in range(0, len(samples) - piece + 1, piece)]
    sounding = [at for at, level in enumerate(levels) if level >= SOUND]
    if not sounding:
        return 0
    # The first and the last piece may be cut by the sound's own beginning and end.
    levels = levels[sounding[0] + 1 : sounding[-1]]
    usual = sorted(levels)[len(levels) // 2] if levels else 0.0
    return sum(level < usual / 2 for level in levels)


def sounding_tone(samples, hz):
    """How many samples lie in windows whose power is this tone's (Goertzel)."""
    found = 0
    for at in range(0, len(samples) - WINDOW + 1, WINDOW):
        window = samples[at : at + WINDOW]
        whole = power(window)
        if whole >= SOUND * SOUND and goertzel(window, hz) >= PURE * whole:
            found += WINDOW
    return found


def goertzel(samples, hz):
    """The power of one frequency in these samples, as `power` counts it."""
    factor = 2 * math.cos(2 * math.pi * hz / HEARD_RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    strength = last * last + before * before - factor * last * before
    return 2 * strength / len(samples) ** 2
