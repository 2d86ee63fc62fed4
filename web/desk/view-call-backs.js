// Call-back requests, and the key that opens them.

import { byId, keep, make, setText, show } from "./page.js";

/** @param {{open, hide, copy, confirm, done}} act what the buttons of a request do, each with its id */
export function renderCallBacks(state, words, act) {
  show(byId("call-backs"), state.seat?.callBacks === true);
  setText(byId("call-backs-heading"), state.known.callBacks ? words.say("call-backs-heading", state.callBacks.length) : words.say("call-backs-unknown"));
  keep(byId("call-back-list"), state.callBacks, "callBack", (request) => item(request, state, words));
  byId("call-back-list").onclick = ({ target }) => {
    const button = target.closest("button[data-act]");
    if (button) act[button.dataset.act](button.closest("[data-call-back]").dataset.callBack);
  };

  setText(byId("key-state"), state.key ? words.say(state.key.kept ? "key-kept" : "key-open", state.key.id) : words.say("key-none"));
  show(byId("key-choose"), !state.key);
  show(byId("key-forget"), state.key !== null);
}

function item(request, state, words) {
  const left = words.moment(request["left-at"]);
  const time = (name) => make("time", { dateTime: request[name], textContent: words.moment(request[name]) });
  const facts = make(
    "p",
    {},
    make("strong", { textContent: request.queue }),
    ` · ${words.language(request.language)} · ${words.say("left-at")} `,
    time("left-at"),
    ` · ${words.say("until")} `,
    time("until"),
  );
  return make("li", { data: { callBack: request.id } }, facts, ...rest(request, state, words, left));
}

function rest(request, state, words, left) {
  const button = (name, text, more = {}) => make("button", { type: "button", textContent: text, ...more, data: { act: name } });
  if (state.deleting.includes(request.id)) return [make("p", { textContent: words.say("done-deleting") })];
  const number = state.opened[request.id];
  if (number === undefined) {
    const why = !state.key ? "needs-key" : state.key.id !== request.key ? "other-key" : null;
    const show_ = button("open", words.say("show-number"), { disabled: why !== null, attributes: { "aria-label": words.say("show-number-of", left) } });
    return [...(why ? [make("p", { className: "hint", textContent: words.say(why) })] : []), make("div", { className: "buttons" }, show_)];
  }
  const shown = make("p", { className: "number", textContent: number, tabIndex: -1 });
  if (state.confirming === request.id) {
    const sure = make("div", { className: "buttons", attributes: { role: "group", "aria-label": words.say("done-sure") } }, button("done", words.say("done-yes"), { className: "end" }), button("keep", words.say("done-no")));
    return [shown, make("p", { textContent: words.say("done-sure") }), sure];
  }
  const copied = state.copied === request.id ? [make("p", { className: "hint", textContent: words.say("copied") })] : [];
  return [shown, ...copied, make("div", { className: "buttons" }, button("copy", words.say("copy")), button("confirm", words.say("done")), button("hide", words.say("hide-number"), { className: "quiet" }))];
}
