// The microphone: asked for, tested, and given back until there is a call.

const WANTED = { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
const PROBLEMS = { NotAllowedError: "microphone-denied", SecurityError: "microphone-denied", NotFoundError: "microphone-missing" };

/** What is wrong with the microphone, as a code that the page has words for. */
export class MicrophoneProblem extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** @returns {Promise<MediaStream>} @throws {MicrophoneProblem} */
export async function openMicrophone() {
  if (!navigator.mediaDevices) throw new MicrophoneProblem("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia(WANTED);
  } catch (problem) {
    throw new MicrophoneProblem(PROBLEMS[problem.name] ?? "microphone-busy");
  }
}

/** Gives the microphone back to the browser; its sign goes out. */
export const closeMicrophone = (stream) => stream.getTracks().forEach((track) => track.stop());

const LOOKS_PER_SECOND = 15;
// About -46 dBFS: over the noise of a quiet room, under a soft voice.
const HEARD = 0.005;

/**
 * Listens for sound for a while, and stops early half a second after it has heard some.
 *
 * @param {(level: number) => void} onLevel 0 to 1, some times a second
 * @param {number} forMs
 * @returns {Promise<boolean>} whether there was sound
 */
export async function listen(stream, onLevel, forMs) {
  const context = new AudioContext();
  try {
    await context.resume();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let loud = 0;
    for (let left = (forMs / 1000) * LOOKS_PER_SECOND; left > 0 && loud < LOOKS_PER_SECOND; left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000 / LOOKS_PER_SECOND));
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      // Decibels from -60 to 0 as 0 to 1: how loud it is to an ear.
      onLevel(rms > 0 ? Math.min(1, Math.max(0, 1 + (20 * Math.log10(rms)) / 60)) : 0);
      if (rms > HEARD) loud += 1;
    }
    return loud >= 3;
  } finally {
    await context.close();
  }
}
