/* Applies the patches of a live diagram: {"n": number, "p": {element id: {attribute: value}}}, newest wins, once per
   animation frame. A page that is not painted acknowledges nothing, so the server waits for it. */

export class SceneFollower {
  /* `root` is the .scene element, which names the attributes that patches may touch; `acknowledge(n)` is called with the
     number of the last patch that is on the screen. */
  constructor(root, acknowledge) {
    this.patched = new Set(root.dataset.patched.split(" "));
    this.acknowledge = acknowledge;
    this.waiting = new Map();
    this.number = null;
    this.frame = 0;
    this.places = new Map();
    for (const element of [root, ...root.querySelectorAll("[id], [data-of]")]) {
      const id = element.dataset.of ?? element.id;
      if (!this.places.has(id)) this.places.set(id, []);
      this.places.get(id).push(element);
    }
  }

  take({ n, p }) {
    for (const [id, attributes] of Object.entries(p)) {
      this.waiting.set(id, { ...this.waiting.get(id), ...attributes });
    }
    this.number = n;
    this.frame ||= requestAnimationFrame(() => this.#apply());
  }

  /* Forgets what waits, before the diagram is drawn again. */
  stop() {
    cancelAnimationFrame(this.frame);
    this.waiting.clear();
  }

  #apply() {
    this.frame = 0;
    for (const [id, attributes] of this.waiting) {
      for (const element of this.places.get(id) ?? []) this.#change(element, attributes);
    }
    this.waiting.clear();
    this.acknowledge(this.number);
  }

  #change(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (!this.patched.has(name)) continue;
      if (name === "#text") textOf(element).data = value;
      else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
    }
  }
}

function textOf(element) {
  return element.firstChild ?? element.appendChild(document.createTextNode(""));
}
