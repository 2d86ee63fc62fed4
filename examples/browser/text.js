// Every word of the page, per language. A language is one module with the same keys as the others.

import en from "./text.en.js";
import nl from "./text.nl.js";

export const texts = { nl, en };

/** The page's language: the first of the browser's that it has, else English. */
export function preferred(languages) {
  for (const language of languages) {
    const base = language.toLowerCase().split("-")[0];
    if (Object.hasOwn(texts, base)) return base;
  }
  return "en";
}

/** What a language calls itself. */
export function ownName(language) {
  try {
    const name = new Intl.DisplayNames([language], { type: "language" }).of(language);
    return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
  } catch {
    return language;
  }
}
