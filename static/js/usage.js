/* What a chart says under the pointer, at once and below it; without this file the browser's own tooltips say it. */

document.addEventListener("pointerover", (event) => {
  const place = event.target.closest?.(".reads");
  if (!place) return;
  const reading = place.closest(".panel").querySelector(".reading");
  reading.classList.add("live");
  reading.textContent = place.querySelector("title").textContent;
});
