// Which language the page speaks, and how it says times, languages and names that come from elsewhere.

import en from "./text-en.js";
import nl from "./text-nl.js";

const TEXTS = { en, nl };

/** The page's language: what was chosen before, else the first of the browser's languages that the page has, else English. */
export const choose = (chosen, browser) => [chosen, ...browser.map((tag) => tag.slice(0, 2).toLowerCase())].find((tag) => tag in TEXTS) ?? "en";

/** The words of one language, with dates as the browser's region writes them. */
export function speak(tag, browser = []) {
  const text = TEXTS[tag];
  const languages = new Intl.DisplayNames([tag], { type: "language", fallback: "code" });
  const moment = new Intl.DateTimeFormat(browser.find((one) => one.startsWith(`${tag}-`)) ?? { en: "en-GB", nl: "nl-NL" }[tag], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const percent = new Intl.NumberFormat(tag, { maximumFractionDigits: 1 });
  return {
    tag,
    say: (key, ...values) => (typeof text[key] === "function" ? text[key](...values) : text[key]),
    /** The word for a code of the server; a code that this page does not know is shown as it is. */
    word: (table, code) => text[table][code] ?? readable(code),
    problem: (code) => text.problems[code],
    language: (code) => capital(displayName(languages, code)),
    moment: (rfc3339) => {
      const date = new Date(rfc3339);
      return Number.isNaN(date.getTime()) ? String(rfc3339) : moment.format(date);
    },
    percent: (number) => percent.format(number),
    name: readable,
  };
}

function displayName(languages, code) {
  try {
    return languages.of(code);
  } catch {
    return String(code);
  }
}

const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);
const readable = (name) => capital(String(name).replaceAll(/[_-]+/g, " "));

/** Minutes and seconds, or hours too: 0:41, 12:05, 1:02:09. */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
