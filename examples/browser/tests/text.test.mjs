import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { preferred, texts } from "../text.js";

const shape = (value) => {
  if (typeof value === "function") return `function of ${value.length}`;
  if (Array.isArray(value)) return value.map(shape);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
  return typeof value;
};
// Letters differ between languages; what they do must not.
const comparable = ({ shortcutLetters, ...rest }) => ({ ...shape(rest), letters: Object.values(shortcutLetters).sort() });

test("every language has the same texts", () => {
  assert.deepEqual(comparable(texts.nl), comparable(texts.en));
});

test("every text that the page names exists, and every picture", () => {
  const page = readFileSync(new URL("../index.html", import.meta.url), "utf8");
  const sprite = readFileSync(new URL("../icons.svg", import.meta.url), "utf8");
  for (const [, key] of page.matchAll(/data-text="([^"]+)"/g)) assert.equal(typeof texts.en[key], "string", key);
  for (const [, name] of page.matchAll(/href="#(icon-[\w-]+)"/g)) assert.ok(sprite.includes(`id="${name}"`), name);
});

test("every picture that a module names exists", () => {
  const sprite = readFileSync(new URL("../icons.svg", import.meta.url), "utf8");
  const source = ["view.js", "timeline.js"].map((file) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8")).join();
  const tables = source.match(/const (?:LOOKS|ICONS|RECORDING_ICONS|CONSENT_ICONS) = \{[^}]*\}/g);
  assert.equal(tables.length, 4);
  for (const table of tables) {
    for (const [, name] of table.matchAll(/: \[?"([\w-]+)"/g)) assert.ok(sprite.includes(`id="icon-${name}"`), name);
  }
});

test("the page keeps the content security policy: nothing inline", () => {
  const page = readFileSync(new URL("../index.html", import.meta.url), "utf8");
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  assert.doesNotMatch(page, /(?:src|href)="(?:https?:)?\/\//);
});

test("the browser's first known language is taken, else English", () => {
  assert.equal(preferred(["fr-FR", "nl-BE", "en"]), "nl");
  assert.equal(preferred(["fr"]), "en");
  assert.equal(preferred([]), "en");
});
