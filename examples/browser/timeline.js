// The turns of the call as a strip: one cell a turn, with a picture, a number and a word for what became of its sound.

import { icon, make, setIcon, setText } from "./dom.js";

const ICONS = {
  recording: "record",
  open: "record-off",
  kept: "kept",
  "not-kept": "not-kept",
  erased: "erased",
  erasing: "erased",
  partly: "partly",
  lost: "lost",
  unknown: "unknown",
};

/** Draws `turns` into the list, touching only what changed. */
export function drawTimeline(list, turns, text) {
  for (const [index, turn] of turns.entries()) {
    let cell = list.children[index];
    if (!cell) list.append((cell = newCell()));
    const [picture, number, word] = cell.children;
    cell.dataset.turn = turn.turn;
    cell.dataset.kept = turn.kept;
    setIcon(picture, ICONS[turn.kept] ?? "unknown");
    setText(number, text.turn(turn.turn));
    setText(word, text.kept[turn.kept] ?? text.kept.unknown);
  }
  while (list.children.length > turns.length) list.lastElementChild.remove();
}

function newCell() {
  const cell = make("li", "turn");
  cell.append(icon("unknown"), make("span", "turn-number"), make("span", "turn-word"));
  return cell;
}
