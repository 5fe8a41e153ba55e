"use strict";
/* What the pages do beyond HTML and htmx: theme, toasts, copying, clean addresses. All of it is optional. */

const root = document.documentElement;

function setTheme(theme) {
  root.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
}

function toast(text, kind) {
  const copy = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  copy.classList.add(kind);
  copy.querySelector(".toast-text").textContent = text;
  document.getElementById("toasts").append(copy);
}

async function copyCode(button) {
  await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.name === "theme") {
    event.preventDefault();
    setTheme(button.value);
    button.parentElement.querySelector(`button:not([value=${button.value}])`).focus();
  } else if (button.classList.contains("dismiss")) {
    button.closest(".toast").remove();
  } else if (button.classList.contains("copy")) {
    copyCode(button).catch(() => toast("The browser does not allow copying here; select the text instead.", "error"));
  }
});

/* Copying needs a secure context, so the buttons only appear where they work. */
function showCopyButtons(part) {
  if (navigator.clipboard) part.querySelectorAll("button.copy").forEach((button) => (button.hidden = false));
}

document.addEventListener("DOMContentLoaded", () => showCopyButtons(document));
document.addEventListener("htmx:load", (event) => showCopyButtons(event.target));

/* An address carries only the filters in use. */
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") return;
  const { parameters } = event.detail;
  for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
});

document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  const why = status === 403 ? "You are not allowed to do this, or the page is too old. Reload it." : `The server answered ${status}. Its log says why.`;
  toast(why, "error");
});
document.addEventListener("htmx:sendError", () => toast("The server can't be reached. Is it running?", "error"));
