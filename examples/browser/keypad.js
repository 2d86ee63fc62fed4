// The keypad: twelve keys, and dots for those pressed. Which keys they were is shown nowhere and kept nowhere.

import { byId, setText } from "./dom.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
/** An entry is over when nothing is pressed for so long. */
const ENTRY_MS = 4_000;

export const keyId = (key) => `key-${{ "*": "star", "#": "hash" }[key] ?? key}`;

export class Keypad {
  /** `press(key)` sends a key and says whether it went. */
  constructor(press) {
    this.press = press;
    this.count = 0;
    for (const key of KEYS) byId(keyId(key)).addEventListener("click", () => this.take(key));
  }

  /** A key of the page's keyboard, if it is one of the keypad's. Says whether it was taken. */
  typed(key) {
    if (!KEYS.includes(key)) return false;
    const button = byId(keyId(key));
    if (button.disabled) return false;
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), 150);
    this.take(key);
    return true;
  }

  take(key) {
    if (!this.press(key)) return;
    this.count += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.clear(), ENTRY_MS);
    this.draw();
  }

  /** Forgets the entry. */
  clear() {
    clearTimeout(this.timer);
    this.count = 0;
    this.draw();
  }

  draw(text = this.text) {
    this.text = text;
    setText(byId("keys-dots"), "●".repeat(Math.min(this.count, 16)));
    setText(byId("keys-count"), this.count ? text.keysPressed(this.count) : "");
  }

  enable(on) {
    for (const key of KEYS) byId(keyId(key)).disabled = !on;
    if (!on && this.count) this.clear();
  }
}
