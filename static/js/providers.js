"use strict";
/* Pages of providers and models: a socket that says when something has changed, and keys that can be shown. */

const RECONNECT_S = [1, 2, 5, 15, 30];

function follow(tries) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/ws/changes/`);
  socket.addEventListener("message", (event) => {
    tries = 0;
    const news = JSON.parse(event.data);
    if (news.changed) document.body.dispatchEvent(new CustomEvent(`${news.changed}-changed`));
    if (news.alert) toast(news.alert, "error");
  });
  socket.addEventListener("close", (event) => {
    if (event.code >= 4400) return; // an answer, not an accident; the page goes on asking twice a minute
    setTimeout(() => follow(tries + 1), 1000 * RECONNECT_S[Math.min(tries, RECONNECT_S.length - 1)]);
  });
}

if (document.querySelector("[data-follows]")) follow(0);

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.reveal");
  if (!button) return;
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const isShown = input.type === "text";
  input.type = isShown ? "password" : "text";
  button.setAttribute("aria-pressed", !isShown);
});

/* Enter in the search of a checklist searches; it must not save. */
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".provider-form input[type=search]")) event.preventDefault();
});

function showReveals(part) {
  part.querySelectorAll("button.reveal").forEach((button) => (button.hidden = false));
}

document.addEventListener("DOMContentLoaded", () => showReveals(document));
document.addEventListener("htmx:load", (event) => showReveals(event.target));
