// Telling a colleague that somebody waits: a chime, a notification, the number in the title. None of them says anything of the caller.

import { mine, whyNotTake } from "./derived.js";

/**
 * Whether a caller has come whom the colleague could take and who was not there before. Pure.
 *
 * @returns {number} how many callers wait for this seat when one of them is new, else 0
 */
export function arrived(before, after) {
  const known = new Set(mine(before).map(({ id }) => id));
  const callers = mine(after);
  return callers.some(({ id }) => !known.has(id)) && whyNotTake(after) === null ? callers.length : 0;
}

/** The document's title: the number of callers who wait for this seat first. Pure. */
export function title(state, name) {
  const count = mine(state).length;
  return count > 0 ? `(${count}) ${name} · Candor` : `${name} · Candor`;
}

/** Two soft tones. A browser that plays nothing before a press stays silent; the list, the title and the live region still tell. */
export async function chime() {
  const context = new AudioContext();
  try {
    await context.resume();
    const volume = new GainNode(context, { gain: 0 });
    volume.connect(context.destination);
    for (const [index, frequency] of [659.3, 880].entries()) {
      const start = context.currentTime + index * 0.18;
      const tone = new OscillatorNode(context, { frequency });
      tone.connect(volume);
      volume.gain.setTargetAtTime(0.12, start, 0.01);
      volume.gain.setTargetAtTime(0, start + 0.1, 0.05);
      tone.start(start);
      tone.stop(start + 0.4);
    }
    await new Promise((resolve) => setTimeout(resolve, 800));
  } finally {
    await context.close();
  }
}

/** Whether notifications may be shown; asks when that was not decided yet. Must be called from a press. */
export async function mayNotify() {
  if (!("Notification" in globalThis)) return false;
  return (await Notification.requestPermission()) === "granted";
}

/** Shows one notification at a time, and only over other pages. */
export function notify(text) {
  if (!document.hidden || !("Notification" in globalThis) || Notification.permission !== "granted") return;
  try {
    const shown = new Notification(text, { tag: "candor-desk", icon: "/desk/icon.svg" });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  } catch {
    // Some phones allow notifications from a service worker only.
  }
}
