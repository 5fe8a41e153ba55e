/* What is new on the server: a socket says which parts of a page are out of date, as events `NAME-changed` on the body.
   A part is told so every two seconds at most, and not while nobody looks. Where the page has a pill, that says whether
   the server is still there; when it is back, every part is out of date. */

import { toast } from "./console.js";
import { isAnswer, Pulse, sayLive, socketTo } from "./sockets.js";

const RECONNECT_S = [1, 2, 5, 15, 30];
const CALM_MS = 2000;
// After so many questions without an answer the socket is given up: the way to the server may be another one now.
const HUNG = 4;
const pill = document.querySelector("[data-show=live]");
let isGone = false;
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

function lost(gone) {
  isGone = true;
  if (pill) sayLive(pill, { gone });
}

function found() {
  if (pill) sayLive(pill, { gone: "" });
  if (!isGone) return;
  isGone = false;
  for (const part of document.querySelectorAll("[data-follows]")) part.dataset.follows.split(" ").forEach(tell);
}

function follow(tries) {
  let unanswered = 0;
  let isOver = false;
  const socket = socketTo("/ws/changes/");
  const again = () => {
    isOver = true;
    pulse.stop();
    setTimeout(() => follow(tries + 1), 1000 * RECONNECT_S[Math.min(tries, RECONNECT_S.length - 1)]);
  };
  const pulse = new Pulse(
    () => socket.readyState === WebSocket.OPEN && socket.send('{"ping":true}'),
    () => {
      if (document.hidden) return; // its timers run late, and nobody reads it
      unanswered += 1;
      lost("No answer");
      if (unanswered === HUNG) {
        again();
        socket.close();
      }
    },
  );
  pulse.question();
  socket.addEventListener("open", () => pulse.question());
  socket.addEventListener("message", (event) => {
    if (isOver) return;
    tries = 0;
    unanswered = 0;
    pulse.heard();
    found();
    const news = JSON.parse(event.data);
    if (news.changed) tell(news.changed);
    if (news.alert) toast(news.alert, "error");
  });
  socket.addEventListener("close", (event) => {
    if (isOver) return;
    pulse.stop();
    lost(isAnswer(event.code) ? "Not live" : "No answer");
    if (!isAnswer(event.code)) again(); // else the page goes on asking by itself, if slowly
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
