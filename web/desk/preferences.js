// What a colleague likes, kept in this browser: language, signals, shortcuts. Never a token, a key or anything of a caller.

const KEY = "candor-desk";
const START = { language: null, sound: true, notification: false, shortcuts: true };

/** The preferences; those of a browser that keeps nothing are the usual ones. */
export function read() {
  try {
    return { ...START, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return { ...START };
  }
}

/** Keeps them, where the browser lets us. */
export function keep(preferences) {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // A private window: they hold until it closes.
  }
}
