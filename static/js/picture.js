/* Exported pictures show the moment and the theme of the page. The PNG is drawn here, from the SVG. */

import { toast } from "./console.js";

const SCALE = 2;
const chosen = { at_ms: null };

document.addEventListener("moment", (event) => (chosen.at_ms = event.detail.at_ms));

export function addressOf(link) {
  const address = new URL(link.getAttribute("href"), location.href);
  if (chosen.at_ms !== null) address.searchParams.set("at_ms", chosen.at_ms);
  address.searchParams.set("theme", document.documentElement.dataset.theme);
  return address;
}

async function drawn(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth * SCALE;
  canvas.height = image.naturalHeight * SCALE;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

async function downloadPng(link) {
  const copy = document.createElement("a");
  copy.href = URL.createObjectURL(await drawn(addressOf(link)));
  copy.download = `${link.dataset.name}.png`;
  copy.click();
  setTimeout(() => URL.revokeObjectURL(copy.href), 1000);
}

function offerPictures(part) {
  for (const link of part.querySelectorAll("[data-picture]")) link.hidden = false;
}
document.addEventListener("DOMContentLoaded", () => offerPictures(document));
document.addEventListener("htmx:load", (event) => offerPictures(event.target));

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-picture]");
  if (!link) return;
  if (link.dataset.picture === "svg") {
    link.setAttribute("href", addressOf(link));
    return;
  }
  event.preventDefault();
  downloadPng(link).catch(() => toast("The picture could not be drawn. Try the SVG instead.", "error"));
});

/* The menu closes as menus do. */
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".export[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest(".export[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
