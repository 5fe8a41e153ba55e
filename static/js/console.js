/* What the pages do beyond HTML and htmx: theme, toasts, dialogs, copying. All of it is optional. */

const root = document.documentElement;

/* At once; the form tells the server, which remembers it. */
function setTheme(button) {
  root.dataset.theme = button.value;
  root.classList.toggle("dark-mode", button.value !== "light"); // Swagger UI's name for it
  for (const other of document.querySelectorAll("button[name=theme]"))
    other.setAttribute("aria-pressed", other.value === button.value);
}

export function toast(text, kind) {
  const copy = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  copy.classList.add(kind);
  copy.querySelector(".toast-text").textContent = text;
  document.getElementById("toasts").append(copy);
}

async function copyCode(button) {
  await navigator.clipboard.writeText(button.dataset.copies ?? button.parentElement.querySelector("pre").textContent);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button, dialog .cancel");
  if (!button) return;
  if (button.name === "theme") {
    setTheme(button);
  } else if (button.classList.contains("cancel")) {
    event.preventDefault();
    button.closest("dialog").close();
  } else if (button.classList.contains("dismiss")) {
    button.closest(".toast").remove();
  } else if (button.classList.contains("copy")) {
    copyCode(button).catch(() => toast("The browser does not allow copying here; select the text instead.", "error"));
  }
});

/* Copying needs a secure context, so the buttons only appear where they work. */
function showCopyButtons(part) {
  if (!navigator.clipboard) return;
  for (const button of part.querySelectorAll("button.copy")) button.hidden = false;
}

/* What a page or a part that was swapped in brings along. */
function welcome(part) {
  showCopyButtons(part);
  for (const box of part.querySelectorAll(".tick-all")) box.hidden = false;
  const dialog = part.matches?.("dialog.opens") ? part : part.querySelector("dialog.opens");
  if (dialog && !dialog.open) dialog.showModal();
}

document.addEventListener("DOMContentLoaded", () => welcome(document));
document.addEventListener("htmx:load", (event) => welcome(event.target));

document.addEventListener("change", (event) => {
  if (!event.target.matches(".tick-all")) return;
  const boxes = event.target.form.querySelectorAll("tbody input[name=ids]");
  for (const box of boxes) box.checked = event.target.checked;
});

/* A row that went took the focus along: Undo is the next thing to reach. A toast leaves when its time is over. */
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.requestConfig.verb !== "post" || document.activeElement !== document.body) return;
  document.querySelector("#toasts .undoable:last-child .undo")?.focus();
});
document.addEventListener("animationend", (event) => {
  if (event.animationName === "leave") event.target.remove();
});

/* What was asked for a part of the page goes with it: its answer would have no place, and an error for each cell. */
const underway = new Map(); // request -> the element that its answer is for
document.addEventListener("htmx:beforeSend", (event) => {
  const { xhr, target, requestConfig } = event.detail;
  if (requestConfig.verb !== "get") return;
  underway.set(xhr, target);
  xhr.addEventListener("loadend", () => underway.delete(xhr));
});
document.addEventListener("htmx:beforeCleanupElement", (event) => {
  for (const [xhr, target] of underway) if (target === event.target && xhr.readyState < xhr.DONE) xhr.abort();
});

/* An address carries only the filters in use. */
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") return;
  const { parameters } = event.detail;
  for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
});

document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  const why =
    status === 403
      ? "You are not allowed to do this, or the page is too old. Reload it."
      : `The server answered ${status}. Its log says why.`;
  toast(why, "error");
});
document.addEventListener("htmx:sendError", () => toast("The server can't be reached. Is it running?", "error"));
