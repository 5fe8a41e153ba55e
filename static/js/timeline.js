/* The timeline follows the playback (live.js tells "moment") and leads it ("seek"). */

export class Timeline {
  constructor(root) {
    this.root = root;
    this.foot = root.querySelector(".timeline-foot");
    this.slider = root.querySelector("[data-control=scrub]"); // the playback seeks with it
    this.text = this.foot.querySelector("[data-show=bucket]");
    this.link = this.foot.querySelector("[data-show=link]");
    this.at_ms = null;
    this.slider.addEventListener("keydown", (event) => event.key === "Enter" && this.link.click());
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("htmx:afterSettle", () => this.#read());
    // The playback bar says when the server is away; once a second would be too often.
    for (const kind of ["htmx:responseError", "htmx:sendError"])
      root.addEventListener(kind, (event) => event.stopPropagation());
    document.addEventListener("moment", ({ detail }) => this.#follow(detail));
    this.#read();
  }

  /* A run that is changed while it is watched goes on as another one. */
  #follow({ at_ms, run }) {
    const before = this.root.dataset.timeline;
    if (run !== before) {
      this.root.dataset.timeline = run;
      for (const link of document.querySelectorAll(".picture a, .export a")) {
        link.setAttribute("href", link.getAttribute("href").replace(before, run));
      }
      // Given up when another timeline comes first.
      htmx.ajax("GET", `/runs/${run}/timeline`, { target: "#timeline", swap: "outerHTML" }).catch(() => {});
    }
    this.#show(at_ms);
  }

  #read() {
    const body = this.root.querySelector(".timeline-body");
    this.end_ms = Number(body.dataset.end);
    this.buckets = [...body.querySelectorAll(".bucket")].map((link) => ({
      to: Number(link.dataset.to),
      words: link.querySelector("title").textContent,
      href: link.getAttribute("href"),
    }));
    this.foot.hidden = this.buckets.length === 0;
    this.#show(this.at_ms ?? this.end_ms);
  }

  #show(at_ms) {
    this.at_ms = at_ms;
    if (!this.buckets.length) return;
    const bucket = this.buckets[this.#indexOf(at_ms)];
    if (this.text.textContent !== bucket.words) this.text.textContent = bucket.words;
    this.link.setAttribute("href", bucket.href);
    this.#place(`${Math.min(100, (100 * at_ms) / this.end_ms)}%`);
  }

  #indexOf(at_ms) {
    const found = this.buckets.findIndex((bucket) => at_ms <= bucket.to);
    return found < 0 ? this.buckets.length - 1 : found;
  }

  #place(x) {
    const line = this.root.querySelector(".now");
    if (!line) return;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    this.root.querySelector(".ahead").setAttribute("x", x);
  }

  #seek(at_ms) {
    document.dispatchEvent(new CustomEvent("seek", { detail: { at_ms } }));
    this.#show(at_ms); // the playback says so too, once it is connected
  }

  #click(event) {
    const link = event.target.closest("a.bucket");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#seek(Number(link.dataset.to)); // its end: the picture then shows what the bar counts
    this.slider.focus({ preventScroll: true });
  }
}

for (const root of document.querySelectorAll("[data-timeline]")) new Timeline(root);
