// The desk's page: joins the desk (what is done), the views (what is shown) and the elements (what is pressed).

import { callState } from "./derived.js";
import { forgetKey, keepKey, keptKey, openRequest, readKey } from "./desk-key.js";
import { desk, now } from "./desk.js";
import { byId, isIdle, setText, translate } from "./page.js";
import * as preferences from "./preferences.js";
import { buttonFor } from "./shortcuts.js";
import { arrived, chime, mayNotify, notify, title } from "./signals.js";
import { choose, speak } from "./text.js";
import { renderCall, tickCall } from "./view-call.js";
import { renderCallBacks } from "./view-call-backs.js";
import { renderAvailability, renderFrame, tickRetry } from "./view-seat.js";
import { renderWaiting, tickWaiting } from "./view-waiting.js";

const likes = preferences.read();
let words = speak(choose(likes.language, navigator.languages), navigator.languages);
// The key itself; the state has its id alone.
let deskKey = null;

const seat = desk({
  url: Object.assign(new URL("events", import.meta.url), { protocol: location.protocol === "https:" ? "wss:" : "ws:" }),
  speaker: byId("caller-sound"),
  changed,
  level: (level) => (byId("microphone-level").value = level),
});

// Showing

function render(state) {
  const at = now();
  renderFrame(state, words, at);
  renderAvailability(state, words);
  renderWaiting(state, words, at);
  renderCall(state, words, at);
  renderCallBacks(state, words, callBackActions);
  document.title = title(state, words.say("title"));
}

function changed(state, before) {
  const focused = document.activeElement;
  const home = focused?.closest("section");
  render(state);
  moveFocus(state, before);
  keepFocus(focused, home);
  const waiting = arrived(before, state);
  if (waiting > 0) {
    announce(words.say("new-callers", waiting));
    if (likes.sound) chime().catch(() => {});
    if (likes.notification) notify(words.say("new-callers", waiting));
  }
}

// Where the work goes on when what had the focus has gone. Only what the colleague did, and the end of a call, move it.
function moveFocus(state, before) {
  const [is, was] = [callState(state), callState(before)];
  if (state.call?.leaving && !before.call?.leaving) byId("call-heading").focus();
  if (is === "taking" && was === null) byId("call-heading").focus();
  if (is === "wrap-up" && was !== "wrap-up") byId("wrap-up-heading").focus();
  if (is === null && was !== null) byId(byId("take").disabled ? "waiting-heading" : "take").focus();
  if (before.seat === null && state.seat !== null) byId("available").focus();
  if (before.link.phase !== "signed-out" && state.link.phase === "signed-out") byId("token").focus();
}

// What had the focus may have been taken away by the change: then it is at the head of the same section, not nowhere.
function keepFocus(focused, home) {
  if (document.activeElement !== focused && document.activeElement !== document.body) return;
  if (!focused || focused === document.body || (focused.isConnected && focused.checkVisibility() && !focused.disabled)) return;
  const heading = home?.checkVisibility() ? home.querySelector("h2") : null;
  const refuge = heading ?? byId("main");
  refuge.tabIndex = -1;
  refuge.focus();
}

// The live region says each thing once, and not more than one in five seconds: the list is there to read.
let spoken = -Infinity;
function announce(text) {
  if (now() - spoken < 5000) return;
  spoken = now();
  setText(byId("spoken"), text);
  setTimeout(() => setText(byId("spoken"), ""), 4000);
}

function setLanguage(tag) {
  words = speak(tag, navigator.languages);
  for (const each of ["nl", "en"]) byId(`language-${each}`).setAttribute("aria-pressed", String(each === tag));
  translate(words);
  render(seat.state());
}

setInterval(() => {
  const [state, at] = [seat.state(), now()];
  tickWaiting(state, at);
  tickCall(state, at);
  tickRetry(state, words, at);
}, 1000);

// Signing in, availability, calls

const press = (id, act) => byId(id).addEventListener("click", () => isIdle(byId(id)) || act());
const submit = (id, act) =>
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act(new FormData(event.target));
  });

submit("sign-in-form", () => {
  const token = byId("token").value.trim();
  byId("token").value = "";
  if (token) seat.signIn(token);
});
press("sign-out", seat.signOut);
press("retry-now", seat.retry);
press("dismiss", () => seat.dispatch({ type: "problem-over" }));
press("play-sound", () => seat.playSound().catch(() => {}));
press("available", () => seat.setAvailable(!seat.state().wish.available));
press("microphone-test", seat.testMicrophone);
for (const name of ["queues", "languages"]) {
  byId(name).addEventListener("change", () => seat.choose({ [name]: [...byId(name).querySelectorAll("input:checked")].map(({ value }) => value) }));
}
press("take", seat.take);
press("hold", seat.hold);
press("mute", seat.mute);
press("return", () => seat.leave("return"));
press("wait-on", () => seat.leave("return"));
press("hang-up", () => seat.leave("hang-up"));
submit("wrap-up-form", (form) => seat.wrapUp(form.get("outcome")));

// Call-backs and the key

const inRequest = (id, css) => document.querySelector(`[data-call-back="${CSS.escape(id)}"] ${css}`);

const callBackActions = {
  async open(id) {
    const request = seat.state().callBacks.find((each) => each.id === id);
    try {
      seat.dispatch({ type: "opened", id, number: await openRequest(request, deskKey) });
      inRequest(id, ".number")?.focus();
    } catch (refused) {
      seat.dispatch({ type: "problem", code: refused.code ?? "request-unreadable" });
    }
  },
  hide(id) {
    seat.dispatch({ type: "closed", id });
    inRequest(id, "[data-act=open]")?.focus();
  },
  async copy(id) {
    try {
      await navigator.clipboard.writeText(seat.state().opened[id]);
      seat.dispatch({ type: "copied", id });
      setText(byId("spoken"), words.say("copied"));
    } catch {
      seat.dispatch({ type: "problem", code: "copy-failed" });
    }
  },
  confirm(id) {
    seat.dispatch({ type: "confirm", id });
    inRequest(id, "[data-act=keep]")?.focus();
  },
  keep(id) {
    seat.dispatch({ type: "confirm", id: null });
    inRequest(id, "[data-act=confirm]")?.focus();
  },
  done(id) {
    seat.callBackDone(id);
    byId("call-backs-heading").focus();
  },
};

function useKey(key, kept) {
  deskKey = key;
  seat.dispatch({ type: "key", key: key && { id: key.id, kept } });
}

byId("key-file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  try {
    const key = await readKey(await file.text());
    useKey(key, false);
    seat.dispatch({ type: "problem-over", codes: ["key-unreadable", "key-public", "key-unsupported", "key-not-kept"] });
    if (byId("key-keep").checked) {
      await keepKey(key).then(
        () => useKey(key, true),
        () => seat.dispatch({ type: "problem", code: "key-not-kept" }),
      );
    }
  } catch (refused) {
    seat.dispatch({ type: "problem", code: refused.code ?? "key-unreadable" });
  }
  // The page lets go of the file.
  target.value = "";
});
press("key-forget", async () => {
  const { kept } = seat.state().key;
  try {
    await forgetKey();
  } catch {
    // A browser that keeps nothing has nothing to forget; one that kept the key has it still, and the button stays for another try.
    if (kept) return seat.dispatch({ type: "problem", code: "key-not-forgotten" });
  }
  seat.dispatch({ type: "problem-over", codes: ["key-not-forgotten"] });
  useKey(null);
  byId("key-keep").checked = false;
  byId("key-file").focus();
  setText(byId("spoken"), words.say("key-forgotten"));
});

// Preferences, keys, the network

function like(change) {
  Object.assign(likes, change);
  preferences.keep(likes);
}

for (const tag of ["nl", "en"]) {
  press(`language-${tag}`, () => {
    like({ language: tag });
    setLanguage(tag);
  });
}
byId("signal-sound").checked = likes.sound;
byId("signal-notification").checked = likes.notification;
byId("shortcuts-on").checked = likes.shortcuts;
byId("signal-sound").addEventListener("change", ({ target }) => {
  like({ sound: target.checked });
  if (target.checked) chime().catch(() => {});
});
byId("signal-notification").addEventListener("change", async ({ target }) => {
  if (target.checked) target.checked = await mayNotify();
  byId("signal-denied").hidden = target.checked || globalThis.Notification?.permission !== "denied";
  like({ notification: target.checked });
});
byId("shortcuts-on").addEventListener("change", ({ target }) => like({ shortcuts: target.checked }));

document.addEventListener("keydown", (event) => {
  const id = likes.shortcuts ? buttonFor(event) : undefined;
  const button = id && byId(id);
  // A button that is out of sight or out of use does nothing by its key either.
  if (!button || isIdle(button) || !button.checkVisibility()) return;
  event.preventDefault();
  button.click();
});

addEventListener("offline", () => seat.dispatch({ type: "offline", on: true }));
addEventListener("online", () => {
  seat.dispatch({ type: "offline", on: false });
  // A connection that was lost is tried again at once. One that stands is left alone: if it is dead, its silence tells.
  seat.retry();
});
// Closing the page in a call takes the colleague from the caller: asked once.
addEventListener("beforeunload", (event) => ["connecting", "connected"].includes(seat.state().call?.phase) && event.preventDefault());

setLanguage(words.tag);
if (!window.isSecureContext) seat.dispatch({ type: "problem", code: "insecure" });
keptKey().then(
  (key) => key && !deskKey && useKey(key, true),
  () => {},
);
