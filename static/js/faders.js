/* The failure sliders lie on the cards of the picture that is shown, wherever the page's width puts those. Where cards
   have no place for them they stay below the picture. */

export function placeFaders(stage) {
  const faders = stage.querySelector(".faders");
  if (!faders) return;
  const lay = () => {
    const places = [...stage.querySelectorAll(".fader-place")].filter((place) => place.getClientRects().length > 0);
    faders.classList.toggle("is-placed", places.length > 0);
    const origin = stage.getBoundingClientRect();
    for (const place of places) {
      const box = place.getBoundingClientRect();
      const { style } = faders.querySelector(`[data-fader="${place.dataset.fader}"]`);
      style.left = `${box.left - origin.left - stage.clientLeft}px`;
      style.top = `${box.top - origin.top - stage.clientTop}px`;
      style.width = `${box.width}px`;
      style.height = `${box.height}px`;
    }
  };
  new ResizeObserver(lay).observe(stage);
  lay();
}

/* Beside each slider stands what it says, while it is dragged too. */
export function tellFaders(stage) {
  for (const slider of stage.querySelectorAll(".fader .slider")) {
    const output = slider.parentElement.querySelector("output");
    const say = () => {
      output.value = `${slider.value}\u202f%`;
      slider.closest(".fader").classList.toggle("is-set", slider.value !== "0");
    };
    slider.addEventListener("input", say);
    say();
  }
}
