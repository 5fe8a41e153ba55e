/* The first page of a group: takes in what its traffic is now, every two seconds while somebody looks. */

import "./full_screen.js";
import { SceneFollower } from "./scene.js";
import { sayLive } from "./sockets.js";

const TICK_MS = 2000;
// A server that has not answered for so long is gone: what stands here is old, and says so within five seconds.
const GONE_MS = 4000;
// A server that hangs would hold the question for minutes, and the page would not see it come back.
const HUNG_MS = 10_000;
const SAY_MS = 1000;

class Home {
  constructor(root) {
    this.root = root;
    this.url = root.dataset.home;
    this.pill = root.querySelector("[data-show=live]");
    this.pauseButton = root.querySelector("[data-control=pause]");
    this.isPaused = false;
    this.seen = "";
    this.heard_ms = Date.now();
    const scene = root.querySelector(".scene");
    this.follower = scene && new SceneFollower(scene, () => {});
    this.pill.hidden = this.pauseButton.hidden = false;
    this.pauseButton.addEventListener("click", () => this.#pause());
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake());
    setInterval(() => this.#tick(), TICK_MS);
    setInterval(() => this.#say(), SAY_MS);
  }

  #pause() {
    this.isPaused = !this.isPaused;
    this.pauseButton.textContent = this.isPaused ? "Go on" : "Pause";
    this.pauseButton.setAttribute("aria-pressed", this.isPaused);
    this.root.classList.toggle("is-paused", this.isPaused);
    this.heard_ms = Date.now();
    this.#say();
    if (!this.isPaused) this.#ask();
  }

  /* A page that was in the background has not asked meanwhile. */
  #wake() {
    this.heard_ms = Date.now();
    this.#ask();
  }

  #tick() {
    if (!document.hidden && !this.isPaused) this.#ask();
  }

  async #ask() {
    if (this.asking) return;
    this.asking = true;
    try {
      const answer = await fetch(`${this.url}?seen=${this.seen}`, {
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(HUNG_MS),
      });
      if (answer.redirected || answer.status >= 400) return;
      this.heard_ms = Date.now();
      if (answer.status === 200 && !this.isPaused) this.#take(await answer.json());
    } catch {
      // The pill says so when it lasts.
    } finally {
      this.asking = false;
      this.#say();
    }
  }

  #take(said) {
    // Other deployments than those drawn: the page is drawn again.
    if (said.cards.join(" ") !== this.root.dataset.cards.trim()) return location.reload();
    this.seen = said.seen;
    this.follower?.take({ n: 0, p: said.p });
    for (const [name, html] of Object.entries(said.parts)) this.#replace(name, html);
  }

  /* What somebody is about to press stays where it is. */
  #replace(name, html) {
    const place = document.querySelector(`[data-part="${name}"]`);
    if (place && !place.contains(document.activeElement) && place.dataset.html !== html) {
      place.dataset.html = html;
      place.innerHTML = html;
    }
  }

  #say() {
    const isGone = !this.isPaused && !document.hidden && Date.now() - this.heard_ms > GONE_MS;
    sayLive(this.pill, { isPaused: this.isPaused, gone: isGone ? "No answer" : "" });
  }
}

for (const root of document.querySelectorAll("[data-home]")) new Home(root);
