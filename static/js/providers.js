/* Pages of providers and models: keys that can be shown, searches in checklists. */

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
  for (const button of part.querySelectorAll("button.reveal")) button.hidden = false;
}

document.addEventListener("DOMContentLoaded", () => showReveals(document));
document.addEventListener("htmx:load", (event) => showReveals(event.target));
