// Small means to keep the page's elements as the state says, touching only what differs: focus stays, and live regions speak once.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Sets the text, if it is another. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Puts a control out of use, and back. It keeps the focus meanwhile, which `disabled` would take away: what it does has to look here first. */
export function idle(control, on) {
  if (isIdle(control) !== on) control.setAttribute("aria-disabled", String(on));
}

/** Whether a control is out of use. */
export const isIdle = (control) => control.disabled || control.getAttribute("aria-disabled") === "true";

/** Shows or hides. */
export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

/** An element with properties, `data-` values and children. Text is text: nothing is ever parsed as HTML. */
export function make(tag, { data = {}, attributes = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Puts `children` in place of what is there, unless it looks the same. */
export function replace(parent, children) {
  const same = parent.childNodes.length === children.length && children.every((child, index) => child.isEqualNode(parent.childNodes[index]));
  if (!same) parent.replaceChildren(...children);
}

/** Keeps one child per item, in order, by the item's id in `data-…`; a child that stays is the same element. */
export function keep(parent, items, name, render) {
  const old = new Map([...parent.children].map((child) => [child.dataset[name], child]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const made = render(item);
    const there = old.get(item.id);
    old.delete(item.id);
    const child = there ?? made;
    if (there && !there.isEqualNode(made)) {
      const pressed = there.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
      for (const { name: attribute, value } of made.attributes) there.setAttribute(attribute, value);
      there.replaceChildren(...made.childNodes);
      // The same button anew keeps the focus.
      if (pressed) there.querySelector(`[data-act="${pressed}"]`)?.focus();
    }
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
  for (const gone of old.values()) gone.remove();
}

/** Puts the words of one language into everything that has `data-text` or `data-label`. */
export function translate(words) {
  document.documentElement.lang = words.tag;
  for (const element of document.querySelectorAll("[data-text]")) setText(element, words.say(element.dataset.text));
  for (const element of document.querySelectorAll("[data-label]:not(td)")) element.setAttribute("aria-label", words.say(element.dataset.label));
  for (const element of document.querySelectorAll("[data-outcome]")) setText(element, words.word("outcomes", element.dataset.outcome));
}
