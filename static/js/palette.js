/* The command palette: Ctrl or Cmd K, "/" or its button opens it; the focus stays in its field, arrows choose.
   "?" shows the shortcuts. */

const palette = document.getElementById("palette");
const field = document.getElementById("palette-q");
const hits = document.getElementById("palette-hits");
const said = document.getElementById("palette-said");

const options = () => [...hits.querySelectorAll("[role=option]")];
const chosen = () => hits.querySelector("[aria-selected=true]");
let isAsking = false; // what is shown is not what was typed last
let onArrival = null; // Enter came before the answer

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
}

function move(step) {
  const all = options();
  if (!all.length) return;
  const now = all.indexOf(chosen());
  choose(all[(now + step + all.length) % all.length]);
}

function open() {
  if (palette.open) return;
  palette.showModal();
  field.select();
  isAsking = true;
  htmx.trigger(field, "palette-opens");
}

function follow(inNewTab) {
  const option = chosen();
  if (!option) return;
  if (inNewTab) window.open(option.href, "_blank", "noopener");
  else window.location.assign(option.href);
}

function press(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    move(step);
  } else if (event.key === "Enter") {
    event.preventDefault();
    const inNewTab = event.ctrlKey || event.metaKey;
    if (isAsking) onArrival = () => follow(inNewTab);
    else follow(inNewTab);
  }
}

/* Whether this answers what the field says now; an older answer must not be followed. */
const isNewest = ({ detail }) =>
  (new URL(detail.xhr.responseURL).searchParams.get("q") ?? "").trim() === field.value.trim();

function arrive(event) {
  choose(options()[0]);
  if (!isNewest(event)) return;
  isAsking = false;
  const then = onArrival;
  onArrival = null;
  then?.();
}

function fail(event) {
  isAsking = false;
  onArrival = null;
  hits.replaceChildren();
  choose(null);
  const status = event.detail.xhr?.status;
  said.textContent = status ? `The server answered ${status}. Its log says why.` : "The server can't be reached.";
}

const isText = (target) => target.closest("input, textarea, select, [contenteditable]");

if (palette) {
  if (/Mac|iPhone|iPad/.test(navigator.platform))
    for (const key of document.querySelectorAll("[data-opens-palette] kbd")) key.textContent = "⌘ K";
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-opens-palette]");
    if (button) event.preventDefault();
    if (button) open();
    else if (event.target === palette) palette.close();
  });
  document.addEventListener("keydown", (event) => {
    const isShortcut = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k";
    if (event.key === "?" && !event.ctrlKey && !event.metaKey && !isText(event.target))
      document.getElementById("shortcuts")?.togglePopover();
    const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isText(event.target);
    if (!isShortcut && !isSlash) return;
    event.preventDefault();
    open();
  });
  field.addEventListener("keydown", press);
  field.addEventListener("input", () => {
    isAsking = true;
    onArrival = null;
  });
  hits.addEventListener("htmx:afterSwap", arrive);
  field.addEventListener("htmx:responseError", fail);
  field.addEventListener("htmx:sendError", fail);
}
