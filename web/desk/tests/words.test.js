import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import en from "../text-en.js";
import nl from "../text-nl.js";
import { choose, clock, speak } from "../text.js";

const shape = (value) => (typeof value === "function" ? `function of ${value.length}` : typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)])) : typeof value);

test("both languages say the same things", () => {
  assert.deepEqual(shape(nl), shape(en));
});

test("every text that the page asks for is there", () => {
  const page = readFileSync(new URL("../index.html", import.meta.url), "utf8");
  const asked = [...page.matchAll(/data-(?:text|label)="([^"]+)"/g)].map(([, key]) => key);
  assert.ok(asked.length > 40);
  assert.deepEqual(asked.filter((key) => typeof en[key] !== "string"), []);
});

test("the page has nothing that its content security policy would stop", () => {
  const page = readFileSync(new URL("../index.html", import.meta.url), "utf8");
  assert.doesNotMatch(page, /\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)|https?:\/\//);
});

test("the language is the chosen one, else the browser's, else English", () => {
  assert.equal(choose("nl", ["en-GB"]), "nl");
  assert.equal(choose(null, ["de-DE", "nl-BE", "en"]), "nl");
  assert.equal(choose(null, ["de-DE"]), "en");
});

test("what the page has no word for is shown as it came", () => {
  const words = speak("nl");
  assert.equal(words.word("reasons", "asked"), "Vroeg om een medewerker");
  assert.equal(words.word("reasons", "full-moon"), "Full moon");
  assert.equal(words.name("order_number"), "Order number");
  assert.equal(words.name("date-of--delivery"), "Date of delivery");
  assert.equal(words.language("nl"), "Nederlands");
  assert.equal(words.language("not a tag"), "Not a tag");
  assert.equal(words.moment("later"), "later");
});

test("times", () => {
  assert.deepEqual([0, 41_000, 725_000, 3_729_000, -5].map(clock), ["0:00", "0:41", "12:05", "1:02:09", "0:00"]);
});
