// The level of the microphone, measured in the page. The sound goes nowhere from here.

/** Calls `show` ten times a second with 0 to 1 (−60 dBFS to full scale). Gives a function that stops it. */
export function watchLevel(stream, show) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let shown = 0;
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const decibels = 10 * Math.log10(power + 1e-9);
    // Up at once, down within a second: the meter does not flicker between words.
    shown = Math.max(Math.min(1, (decibels + 60) / 60), shown - 0.05, 0);
    show(shown);
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close().catch(() => {});
  };
}
