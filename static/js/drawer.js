/* A drawer beside the page for what links with data-drawer lead to. Without it they lead there. */

const drawer = document.getElementById("drawer");

async function showInDrawer(address) {
  await htmx.ajax("GET", address, { target: "#drawer-content", swap: "innerHTML" }).catch(() => {});
  if (!drawer.querySelector("#traces")) return; // console.js says why
  if (!drawer.open) drawer.showModal();
  drawer.querySelector("#traces-title").focus();
}

if (drawer) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-drawer]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    showInDrawer(link.getAttribute("href"));
  });
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer || event.target.closest(".drawer-close")) drawer.close();
  });
  drawer.addEventListener("close", () => drawer.querySelector("#drawer-content").replaceChildren());
}

/* Up and down lead from one request to the next. */
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const list = event.target.matches("summary") && event.target.closest(".trace-list");
  if (!step || !list) return;
  const all = [...list.querySelectorAll("summary")];
  all[all.indexOf(event.target) + step]?.focus();
  event.preventDefault();
});
