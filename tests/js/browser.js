/* As much of a browser as the logic of our scripts asks for: elements that know their parts by selector, sockets that
   remember what was sent, frames that are painted when a test says so. */

export class FakeElement extends EventTarget {
  /* `parts` is what `querySelector` finds, by selector: an element, or a list of them. */
  constructor({ parts = {}, attributes = {}, ...properties } = {}) {
    super();
    this.parts = parts;
    this.attributes = new Map(Object.entries(attributes));
    this.dataset = {};
    this.hidden = true;
    this.textContent = "";
    this.classes = new Set();
    this.classList = {
      add: (name) => this.classes.add(name),
      remove: (name) => this.classes.delete(name),
      toggle: (name, isOn) => (isOn ? this.classes.add(name) : this.classes.delete(name)),
    };
    Object.assign(this, properties);
  }

  querySelector(selector) {
    return [this.parts[selector] ?? []].flat()[0] ?? null;
  }

  querySelectorAll(selector) {
    return [this.parts[selector] ?? []].flat();
  }

  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }

  setAttribute(name, value) {
    this.attributes.set(name, String(value));
  }

  toggleAttribute(name, isSet) {
    if (isSet) this.attributes.set(name, "");
    else this.attributes.delete(name);
  }

  focus() {
    document.activeElement = this;
  }

  say(type, properties = {}) {
    const event = Object.assign(new Event(type, { cancelable: true }), properties);
    this.dispatchEvent(event);
    return event;
  }
}

export class FakeSocket extends EventTarget {
  static OPEN = 1;
  static all = [];

  constructor(address) {
    super();
    this.address = new URL(address);
    this.readyState = 0;
    this.sent = [];
    FakeSocket.all.push(this);
  }

  static get last() {
    return FakeSocket.all.at(-1);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  opens() {
    this.readyState = FakeSocket.OPEN;
    this.dispatchEvent(new Event("open"));
  }

  hears(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }

  breaks(code, reason = "") {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }
}

const frames = new Map();

/* What the browser does once per frame. */
export function paint() {
  const waiting = [...frames.values()];
  frames.clear();
  for (const draw of waiting) draw();
}

/* A new page. `parts` is what is on it, by selector; `#id` is what getElementById finds. */
export function open({ parts = {}, address = "https://console.test/runs/r1" } = {}) {
  FakeSocket.all = [];
  frames.clear();
  const page = new FakeElement({ parts });
  Object.assign(page, {
    hidden: false,
    activeElement: null,
    body: new FakeElement(),
    documentElement: new FakeElement(),
    getElementById: (id) => page.querySelector(`#${id}`),
    createTextNode: (data) => ({ data }),
  });
  globalThis.document = page;
  globalThis.location = new URL(address);
  globalThis.WebSocket = FakeSocket;
  let number = 0;
  globalThis.requestAnimationFrame = (draw) => {
    number += 1;
    frames.set(number, draw);
    return number;
  };
  globalThis.cancelAnimationFrame = (frame) => frames.delete(frame);
  return page;
}
