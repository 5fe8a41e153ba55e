/* The routing rules beyond HTML and htmx: dragging in the chain of fallback providers. */

function makeSortable(list) {
  Sortable.create(list, {
    handle: ".grip",
    forceFallback: true,
    fallbackTolerance: 4,
    delay: 120,
    delayOnTouchOnly: true,
    animation: 140,
    ghostClass: "is-dragged",
    fallbackClass: "is-carried",
    onEnd: ({ oldIndex, newIndex }) => {
      if (oldIndex !== newIndex) list.closest("form").requestSubmit();
    },
  });
  list.classList.add("is-sortable");
}

function prepare() {
  const list = document.querySelector(".chain");
  if (list?.querySelector(".grip") && !Sortable.get(list)) makeSortable(list);
}

document.addEventListener("DOMContentLoaded", prepare);
document.addEventListener("htmx:load", prepare);

/* An aria-disabled button can have the focus, and does nothing. */
document.addEventListener(
  "click",
  (event) => {
    if (event.target.closest("button")?.getAttribute("aria-disabled") !== "true") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

/* A provider that moved takes the focus along. */
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const [step, entry] = (detail.parameters.change ?? "").split(":");
  document.body.dataset.moved = step === "up" || step === "down" ? `${step}:${entry}` : "";
  document.body.dataset.tookOut = step === "remove" && detail.target.id === "rules-aliases" ? "yes" : "";
});
document.addEventListener("htmx:afterSettle", () => {
  const moved = document.body.dataset.moved;
  if (moved) document.querySelector(`.chain [value="${CSS.escape(moved)}"]`)?.focus();
  if (document.body.dataset.tookOut && document.activeElement === document.body)
    document.getElementById("new-alias")?.focus();
});
