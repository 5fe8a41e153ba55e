/* A part of a page fills the screen, for a wall: `data-full-screen` on the part, and a button in it. */

for (const button of document.querySelectorAll("[data-control=full-screen]")) {
  const part = button.closest("[data-full-screen]");
  button.hidden = !part.requestFullscreen;
  button.addEventListener("click", () =>
    document.fullscreenElement ? document.exitFullscreen() : part.requestFullscreen(),
  );
  document.addEventListener("fullscreenchange", () => {
    button.textContent = document.fullscreenElement ? "Leave full screen" : "Full screen";
  });
}
