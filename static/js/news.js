/* What is new on the server: a socket says which parts of a page are out of date, as events `NAME-changed` on the body.
   A part is told so every two seconds at most, and not while nobody looks. */

import { toast } from "./console.js";
import { isAnswer, socketTo } from "./sockets.js";

const RECONNECT_S = [1, 2, 5, 15, 30];
const CALM_MS = 2000;
const told = new Map(); // name of the news -> when it was passed on last
const waiting = new Set();

function tell(name) {
  if (document.hidden) {
    waiting.add(name);
    return;
  }
  const rest_ms = CALM_MS - (Date.now() - (told.get(name) ?? 0));
  if (rest_ms > 0) {
    if (!waiting.has(name)) setTimeout(() => waiting.delete(name) && tell(name), rest_ms);
    waiting.add(name);
    return;
  }
  told.set(name, Date.now());
  document.body.dispatchEvent(new CustomEvent(`${name}-changed`));
}

function follow(tries) {
  const socket = socketTo("/ws/changes/");
  socket.addEventListener("message", (event) => {
    tries = 0;
    const news = JSON.parse(event.data);
    if (news.changed) tell(news.changed);
    if (news.alert) toast(news.alert, "error");
  });
  socket.addEventListener("close", (event) => {
    if (isAnswer(event.code)) return; // the page goes on asking by itself, if slowly
    setTimeout(() => follow(tries + 1), 1000 * RECONNECT_S[Math.min(tries, RECONNECT_S.length - 1)]);
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  const names = [...waiting];
  waiting.clear();
  names.forEach(tell);
});

/* What was unfolded stays so in the part that takes the place of the old one. */
let unfolded = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  unfolded = [...event.detail.target.querySelectorAll("details[id][open]")].map((details) => details.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of unfolded.splice(0)) document.getElementById(id)?.setAttribute("open", "");
});

if (document.querySelector("[data-follows]")) follow(0);
