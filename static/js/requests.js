/* The request log follows what happens: new rows come by themselves while one looks at the top and does nothing else,
   otherwise a button says how many there are. */

import { sayLive } from "./sockets.js";

const live = document.getElementById("live");
const pause = document.getElementById("live-pause");
const NEAR_THE_TOP_PX = 160;

const isPaused = () => pause.getAttribute("aria-pressed") === "true";

live.hidden = !document.querySelector("#request-rows[data-follows]");
pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", !isPaused());
  pause.textContent = isPaused() ? "Go on" : "Pause";
  sayLive(document.querySelector("[data-show=live]"), { isPaused: isPaused() });
  if (!isPaused()) catchUp();
});

function isBusy(rows) {
  const table = rows.querySelector("table");
  return scrollY > NEAR_THE_TOP_PX || Boolean(table?.matches(":hover") || table?.contains(document.activeElement));
}

function catchUp() {
  const rows = document.getElementById("request-rows");
  if (!rows.dataset.follows) return;
  const address = isBusy(rows) || isPaused() ? rows.dataset.news : rows.dataset.rows;
  const target = address === rows.dataset.news ? "#request-news" : "#request-rows";
  htmx.ajax("GET", address, { target, swap: "outerHTML" }).catch(() => {}); // given up when its rows are replaced
}

document.body.addEventListener("requests-changed", catchUp);

/* A filter or an older page may have come: only the newest requests are live. */
document.addEventListener("htmx:afterSettle", () => {
  live.hidden = !document.querySelector("#request-rows[data-follows]");
});
