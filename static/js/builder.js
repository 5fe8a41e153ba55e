/* The builder beyond HTML and htmx: dragging, live percentages, the model search as a combobox, the warning before
   leaving. What a step means for the list is decided by the server; here it is only asked for. */

import { isInMiddle, MIDDLE, optionAfter, stepOf, textOf } from "./drafting.js";
import { percentages } from "./shares.js";

const form = document.getElementById("builder");
const search = document.getElementById("picker-q");
const step = document.getElementById("builder-step");

function ask(change) {
  step.value = change;
  step.click();
}

/* Dragging: between two rows moves, onto the middle of a row shares its priority. */

function isOrdered() {
  return form.elements.strategy.value === "priority-failover";
}

function rowUnder(point, dragged) {
  const row = document
    .elementsFromPoint(point.clientX, point.clientY)
    .map((e) => e.closest(".builder-list > .builder-row"))
    .find((r) => r && r !== dragged);
  return row && isInMiddle(point.clientY, row.getBoundingClientRect()) ? row : null;
}

function makeSortable(list) {
  let before = "";
  let target = null;
  const mark = (row) => {
    target?.classList.remove("is-target");
    target = row;
    target?.classList.add("is-target");
  };
  const follow = (event) =>
    mark(isOrdered() ? rowUnder(event.touches?.[0] ?? event, list.querySelector(".is-dragged")) : null);
  const moves = ["pointermove", "touchmove"];
  const order = () => [...list.children].map((row) => row.dataset.uid).join();
  Sortable.create(list, {
    handle: ".grip",
    forceFallback: true,
    fallbackTolerance: 4,
    delay: 120,
    delayOnTouchOnly: true,
    animation: 140,
    invertSwap: true,
    swapThreshold: 2 * MIDDLE,
    ghostClass: "is-dragged",
    fallbackClass: "is-carried",
    onStart: () => {
      before = order();
      for (const name of moves) document.addEventListener(name, follow, { passive: true });
    },
    onEnd: ({ item }) => {
      for (const name of moves) document.removeEventListener(name, follow);
      const change = stepOf(item.dataset.uid, target?.dataset.uid, order() !== before);
      mark(null);
      if (change) ask(change);
    },
  });
  list.classList.add("is-sortable");
}

/* Percentages, as the server counts them. */

function showShares() {
  const rows = [...document.querySelectorAll(".builder-row")];
  const weights = rows.map((row) =>
    row.classList.contains("is-off")
      ? 0
      : Math.max(0, Math.floor(Number(row.querySelector(".weight .number").value)) || 0),
  );
  for (const [n, share] of percentages(weights).entries()) rows[n].querySelector(".share").value = `${share}\u202f%`;
  showTotal(weights.reduce((sum, weight) => sum + weight, 0));
}

function showTotal(total) {
  const place = document.getElementById("weight-total");
  if (!place) return;
  place.value = total;
  const line = place.closest(".weight-total");
  line.classList.toggle("is-hundred", total === 100);
  line.querySelector("button").setAttribute("aria-disabled", total === 100);
}

function showSliders(part) {
  for (const slider of part.querySelectorAll(".weight .slider")) {
    const number = slider.parentElement.querySelector(".number");
    slider.max = Math.max(100, Number(number.value) || 0);
    slider.value = number.value || 0;
    slider.hidden = false;
  }
}

form.addEventListener("input", (event) => {
  const weight = event.target.closest(".weight");
  if (!weight) return;
  const [slider, number] = [weight.querySelector(".slider"), weight.querySelector(".number")];
  if (event.target === slider) number.value = slider.value;
  else {
    slider.max = Math.max(slider.max, Number(number.value) || 0);
    slider.value = number.value || 0;
  }
  showShares();
});

/* The list was swapped: what is open stays open, what was typed while the answer was under way stays typed. */

const opened = new Set();
const typedLate = new Map();
form.addEventListener(
  "input",
  ({ target }) => target.closest(".builder-row") && target.id && typedLate.set(target.id, target.value),
);
document.addEventListener(
  "htmx:beforeRequest",
  ({ detail }) => detail.target.id === "builder-rows" && typedLate.clear(),
);

function keepTyped() {
  for (const [id, value] of typedLate) {
    const input = document.getElementById(id);
    if (input) input.value = value;
  }
}

form.addEventListener(
  "toggle",
  (event) => event.target.matches(".more") && opened[event.target.open ? "add" : "delete"](event.target.id),
  true,
);

document.addEventListener("htmx:load", ({ target }) => {
  const part = target.closest("#builder-rows") ?? target.querySelector?.("#builder-rows");
  const list = part?.querySelector(".builder-list");
  if (!list || Sortable.get(list)) return;
  makeSortable(list);
  keepTyped();
  showSliders(list);
  showShares();
  for (const id of [...opened]) document.getElementById(id)?.setAttribute("open", "");
});

/* An aria-disabled button can have the focus, and does nothing. */
form.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest("button");
    if (button?.getAttribute("aria-disabled") !== "true") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

/* The search as a combobox: the focus stays in the box, the arrow keys choose, Enter adds. */

const options = () => [...document.querySelectorAll("#picker-options [role=option]")];
const chosen = () => document.querySelector("#picker-options [aria-selected=true]");

search.setAttribute("role", "combobox");
search.setAttribute("aria-autocomplete", "list");
search.setAttribute("aria-controls", "picker-options");
search.setAttribute("aria-expanded", "false");

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) search.setAttribute("aria-activedescendant", option.id);
  else search.removeAttribute("aria-activedescendant");
}

function show(isOpen) {
  const list = document.getElementById("picker-options");
  list.hidden = !isOpen;
  search.setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) choose(null);
}

function markAdded(option) {
  if (option.getAttribute("aria-disabled") === "true") return;
  option.setAttribute("aria-disabled", "true");
  const tag = Object.assign(document.createElement("span"), { className: "tag", textContent: "in the group" });
  option.querySelector(":scope > .icon, :scope > .error").replaceWith(tag);
}

function markAllAdded() {
  for (const { value } of form.querySelectorAll("[name=row]")) {
    const option = document.getElementById(`option-${value}`);
    if (option) markAdded(option);
  }
}

/* After a pick the list is closed until somebody asks for it again. */
let isPicked = false;

function reopen() {
  isPicked = false;
  show(true);
}

for (const name of ["click", "input"]) search.addEventListener(name, reopen);
search.addEventListener("focus", () => (isPicked = false));

search.addEventListener("keydown", (event) => {
  const all = options();
  const at = all.indexOf(chosen());
  const isOpen = search.getAttribute("aria-expanded") === "true";
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    reopen();
    choose(all[optionAfter(event.key, at, all.length)]);
  } else if (event.key === "Enter" && isOpen) {
    if (at >= 0) chosen().click();
    else if (search.value && all.length) choose(all[0]);
  } else if (event.key === "Enter" && search.value) reopen();
  else if (event.key === "Escape" && isOpen) show(false);
  else return;
  event.preventDefault();
});

document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id !== "picker-options" && !target.querySelector?.("#picker-options")) return;
  markAllAdded();
  show(document.activeElement === search && !isPicked);
  document.getElementById("picker-options").scrollIntoView({ block: "nearest" });
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.target.matches?.("#picker-options .option")) return;
  markAdded(event.target);
  search.focus();
  isPicked = true;
  show(false);
  search.select(); // the next search replaces it
});
search.addEventListener("blur", () => show(false));
form
  .querySelector(".picker")
  .addEventListener("mousedown", (event) => event.target.closest(".options") && event.preventDefault());
/* What is searched for is no change of the draft. */
for (const name of ["input", "change"]) search.addEventListener(name, (event) => event.stopPropagation());

/* Leaving with something unsaved asks first. */

const typed = () => textOf(new FormData(form));
const atFirst = "touched" in form.dataset ? "" : typed();
let isLeaving = false;
form.addEventListener("submit", (event) => (isLeaving = event.submitter?.formTarget !== "_blank"));
addEventListener("beforeunload", (event) => {
  if (!isLeaving && typed() !== atFirst) event.preventDefault();
});
addEventListener("pageshow", () => (isLeaving = false));

document.addEventListener("DOMContentLoaded", () => {
  const wrong =
    form.querySelector(".wrong :is(.input[aria-invalid], .field .input)") ?? form.querySelector(".wrong .input");
  (wrong ?? (form.elements.name.value ? null : form.elements.name))?.focus();
});
