/* Calibration beyond HTML and htmx: a slider beside each threshold. What it means is computed by the server. */

function pair(row) {
  const [slider, number] = [row.querySelector(".slider"), row.querySelector(".number")];
  if (!slider?.hidden) return;
  slider.value = number.value;
  slider.hidden = false;
  slider.addEventListener("input", () => (number.value = slider.value));
  number.addEventListener("input", () => (slider.value = number.value || 0));
}

const pairAll = () => document.querySelectorAll(".threshold-row").forEach(pair);
document.addEventListener("DOMContentLoaded", pairAll);
document.addEventListener("htmx:load", pairAll);
