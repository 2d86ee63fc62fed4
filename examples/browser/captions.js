// What the agent says, line by line. The caller's words are not on this page: it never gets them.

import { make, setText } from "./dom.js";

/** Draws `lines` into the log, touching only what changed, and keeps its end in view. */
export function drawCaptions(log, lines, text) {
  const rows = new Map([...log.children].map((row) => [row.dataset.line, row]));
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  let added = false;
  for (const line of lines) {
    let row = rows.get(String(line.line));
    if (!row) {
      log.append((row = newRow(line)));
      added = true;
    }
    rows.delete(String(line.line));
    row.dataset.outcome = line.outcome ?? "saying";
    const [, role, note] = row.children;
    setText(role, text.roles[line.role] ?? "");
    setText(note, noteOf(line, text));
  }
  for (const row of rows.values()) row.remove();
  if (added && atEnd) log.scrollTop = log.scrollHeight;
}

function newRow(line) {
  const row = make("div", "line");
  row.dataset.line = line.line;
  row.dataset.role = line.role;
  const words = make("p", "words", line.text);
  words.lang = line.language;
  // What changes while the line is said is not for the live region: the state line tells it.
  const note = make("span", "line-note");
  note.setAttribute("aria-live", "off");
  row.append(words, make("span", "line-role"), note);
  return row;
}

function noteOf(line, text) {
  const failed = text.outcomes[line.outcome];
  if (line.role === "other") return failed ?? "";
  if (failed) return failed;
  return text.lineHeard(line.percent);
}
