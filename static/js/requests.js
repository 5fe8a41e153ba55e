/* The request log follows what happens: new rows come by themselves while one looks at the top and does nothing else,
   otherwise a button says how many there are. */

const live = document.getElementById("live");
const NEAR_THE_TOP_PX = 160;

live.hidden = !document.querySelector("#request-rows[data-follows]");
live.addEventListener("click", () => {
  const isLive = live.getAttribute("aria-pressed") !== "true";
  live.setAttribute("aria-pressed", isLive);
  if (isLive) catchUp();
});

function isBusy(rows) {
  const table = rows.querySelector("table");
  return scrollY > NEAR_THE_TOP_PX || Boolean(table?.matches(":hover") || table?.contains(document.activeElement));
}

function catchUp() {
  const rows = document.getElementById("request-rows");
  if (!rows.dataset.follows) return;
  const address = isBusy(rows) || live.getAttribute("aria-pressed") !== "true" ? rows.dataset.news : rows.dataset.rows;
  const target = address === rows.dataset.news ? "#request-news" : "#request-rows";
  htmx.ajax("GET", address, { target, swap: "outerHTML" }).catch(() => {}); // given up when its rows are replaced
}

document.body.addEventListener("requests-changed", catchUp);

/* A filter or an older page may have come: only the newest requests are live. */
document.addEventListener("htmx:afterSettle", () => {
  live.hidden = !document.querySelector("#request-rows[data-follows]");
});
