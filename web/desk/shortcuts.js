// Single keys for what a colleague does all day. They can be switched off (WCAG 2.1.4), and do nothing in a field or with Ctrl, Alt or Meta.

const KEYS = { t: "take", h: "hold", m: "mute", "shift+r": "return", "shift+e": "hang-up" };
const WRITTEN_IN = "input:not([type=checkbox], [type=radio], [type=file]), select, textarea, [contenteditable]";

/** The id of the button that a key press is for, or undefined. Pure but for the target's `matches`. */
export function buttonFor({ key, shiftKey, ctrlKey, altKey, metaKey, repeat, target }) {
  if (ctrlKey || altKey || metaKey || repeat || target?.matches?.(WRITTEN_IN)) return undefined;
  return KEYS[(shiftKey ? "shift+" : "") + key.toLowerCase()];
}
