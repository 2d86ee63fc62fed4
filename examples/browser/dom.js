// The few things that every part of the page does with elements.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Sets a text only where it changes: a screen reader speaks what is written, changed or not. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows or hides; a focus that would vanish goes to `refuge`. */
export function show(element, visible, refuge) {
  if (element.hidden === !visible) return;
  const loses = !visible && element.contains(document.activeElement);
  element.hidden = !visible;
  if (loses) refuge?.focus({ preventScroll: true });
}

/** Takes an element out of sight and use, and leaves its place. */
export function reserve(element, on, refuge) {
  if (element.classList.contains("reserved") === on) return;
  const loses = on && element === document.activeElement;
  element.classList.toggle("reserved", on);
  if (loses) refuge.focus({ preventScroll: true });
}

/** Puts the pictures into the page, once: a state that comes with a lost network must still have its picture. */
export async function loadIcons() {
  const reply = await fetch(new URL("./icons.svg", import.meta.url));
  const sprite = new DOMParser().parseFromString(await reply.text(), "image/svg+xml").documentElement;
  sprite.setAttribute("class", "visually-hidden");
  sprite.setAttribute("aria-hidden", "true");
  document.body.append(document.importNode(sprite, true));
}

/** An element with a class and a text. */
export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** A picture of the sprite. It is never alone: words stand beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("viewBox", "0 0 24 24");
  const use = document.createElementNS(SVG, "use");
  svg.append(use);
  setIcon(svg, name);
  return svg;
}

/** Changes which picture an `icon` shows. */
export function setIcon(svg, name) {
  const href = `#icon-${name}`;
  const use = svg.firstElementChild;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}
