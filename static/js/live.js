/* The playback of one run: a socket to the run on one side, the diagram and its controls on the other. */

import { Changes, goAlong, pageOf } from "./changes.js";
import { placeFaders, tellFaders } from "./faders.js";
import "./full_screen.js";
import { SceneFollower } from "./scene.js";
import { isAnswer, Pulse, socketTo } from "./sockets.js";

const RETRIES = 20;

/* How far apart the last pictures of a run of this length are: `frame_ms` for so many pictures, then twice as far for
   as many, and so on. */
export function stepAt(end_ms, frame_ms, pictures) {
  const doubled = Math.max(0, Math.ceil(Math.log2(end_ms / (frame_ms * pictures) + 1)) - 1);
  return frame_ms * 2 ** doubled;
}

export class Playback {
  constructor(bar) {
    this.bar = bar;
    this.final = new Set(bar.dataset.final.split(" "));
    const part = (selector) => bar.querySelector(selector) ?? document.querySelector(selector);
    this.play = bar.querySelector("[data-control=play]");
    this.scrub = part("[data-control=scrub]"); // the playhead of the timeline
    this.moment = bar.querySelector("[data-show=moment]");
    this.status = part("[data-show=status]"); // on the diagram, with its dot
    this.standing = part("[data-live]");
    this.speed = bar.querySelector("[data-control=speed]");
    this.change = bar.querySelector("[data-show=change]");
    this.isPaused = !("play" in bar.dataset) && this.final.has(this.status.textContent.trim());
    this.state = { at_ms: 0, end_ms: 0, status: "" };
    this.from_ms = new URLSearchParams(location.search).get("from");
    this.tries = 0;
    this.seeks = 0; // told over this socket
    this.early = []; // keys pressed before the first moment has come
    this.unsaid = {}; // commands from a time without a connection
    this.pulse = new Pulse(
      () => this.socket?.readyState === WebSocket.OPEN && this.#tell({ ping: true }),
      () => this.#deaf(),
    );
    this.#listen();
    this.#connect();
  }

  get run() {
    return this.bar.dataset.run;
  }

  /* Whether the moment shown is before the end of the run. */
  get isUnderWay() {
    return this.state.status !== "" && !this.#isAtEnd;
  }

  get #isAtEnd() {
    return this.final.has(this.state.status) && this.state.at_ms >= this.state.end_ms;
  }

  /* Stops at the moment shown, which it gives, until `goOnIn`. */
  hold() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    return this.state.at_ms;
  }

  /* Goes on from the moment shown, in this run or in one with the same past. */
  goOnIn(run) {
    this.bar.dataset.run = run;
    this.bar.dataset.status = "queued";
    this.#connect();
  }

  #listen() {
    for (const control of [this.play, this.scrub, this.moment, this.speed]) control.hidden = false;
    this.play.addEventListener("click", () => this.#toggle());
    this.scrub.addEventListener("input", () => this.#seek(Number(this.scrub.value)));
    this.scrub.addEventListener("keydown", (event) => this.#press(event));
    document.addEventListener("seek", (event) => this.#seek(event.detail.at_ms));
    this.speed.addEventListener("change", () => this.#tell({ speed: this.#chosenSpeed() }));
    this.#label();
  }

  #connect() {
    const query = new URLSearchParams({
      mode: this.bar.dataset.mode,
      speed: this.#chosenSpeed(),
      pause: this.isPaused,
    });
    if (this.state.status) query.set("seek_ms", this.state.at_ms);
    else if (this.from_ms) query.set("seek_ms", this.from_ms);
    else if (this.isPaused) query.set("seek_ms", 1e12);
    this.seeks = 0;
    this.socket = socketTo(`/ws/runs/${this.bar.dataset.run}/?${query}`);
    this.follower?.stop();
    this.follower = new SceneFollower(document.querySelector(".scene"), (n) => this.#tell({ ack: n }));
    this.socket.addEventListener("open", (event) => event.target === this.socket && this.#opened());
    this.socket.addEventListener(
      "message",
      (event) => event.target === this.socket && this.#take(JSON.parse(event.data)),
    );
    this.socket.addEventListener("close", (event) => event.target === this.socket && this.#lost(event));
  }

  #opened() {
    this.isConnected = true;
    this.pulse.heard();
    this.#tell(this.unsaid);
    this.unsaid = {};
  }

  #take(message) {
    this.tries = 0;
    if (!this.isConnected) this.#say(this.state.status);
    this.isConnected = true;
    this.pulse.heard();
    if (message.error) this.#say(message.error);
    if (message.s?.seeks >= this.seeks) this.#show(message.s); // else it is older than what was sought
    if (message.p) this.follower.take(message);
    if (message.s?.next) this.#follow(message.s.next);
  }

  /* Somebody changed the run while it lasted. */
  async #follow(next) {
    this.hold();
    this.change.textContent = "Somebody changed the run; this is how it goes on.";
    await pageOf(`/runs/${next}`)
      .then(goAlong)
      .catch((error) => (this.change.textContent = error.message));
    this.goOnIn(next);
  }

  #show(state) {
    const isNewsThatItIsOver = this.final.has(state.status) && !this.final.has(this.bar.dataset.status);
    this.state = state;
    this.bar.dataset.status = state.status;
    if (isNewsThatItIsOver) document.dispatchEvent(new CustomEvent("run-over")); // the list of runs reloads itself
    document.dispatchEvent(new CustomEvent("moment", { detail: { ...state, run: this.bar.dataset.run } }));
    this.scrub.max = Math.ceil(state.end_ms);
    this.scrub.value = Math.round(state.at_ms);
    this.moment.value = `${(state.at_ms / 1000).toFixed(1)}\u202fs`;
    this.#stand();
    this.scrub.setAttribute("aria-valuetext", this.moment.value);
    this.#say(state.error ? `${state.status}: ${state.error}` : state.status);
    this.bar.querySelector("[data-control=stop]")?.toggleAttribute("hidden", this.final.has(state.status));
    if (!this.isPaused && this.#isAtEnd) this.#pause(true);
    for (const step of this.early.splice(0)) this.#step(step);
  }

  /* The dot beside the status: green while there is something to come, grey at the end and without a connection. */
  #stand() {
    const isLive = this.isConnected && this.isUnderWay;
    this.standing?.classList.toggle("is-live", isLive);
  }

  #deaf() {
    this.isConnected = false;
    this.#stand();
    this.#say("no connection");
  }

  #say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  #toggle() {
    if (this.isPaused && this.#isAtEnd) this.#tell({ seek_ms: 0 });
    this.#pause(!this.isPaused);
  }

  /* Arrow keys go a second on or back, with Shift ten; never less than to the next picture. */
  #press(event) {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const step = { way, isFar: event.shiftKey };
    if (this.state.status) this.#step(step);
    else this.early.push(step);
  }

  #step({ way, isFar }) {
    const { frameMs, framesPerInterval } = this.bar.dataset;
    const apart = stepAt(this.state.end_ms, Number(frameMs), Number(framesPerInterval));
    const at_ms = this.state.at_ms + way * Math.max(apart, isFar ? 10_000 : 1000);
    this.#seek(Math.min(Math.max(0, at_ms), this.state.end_ms));
  }

  #seek(at_ms) {
    this.#pause(true);
    this.#tell({ seek_ms: at_ms });
    if (this.state.status) this.#show({ ...this.state, at_ms });
  }

  #pause(isPaused) {
    this.isPaused = isPaused;
    this.#label();
    this.#tell({ pause: isPaused });
  }

  #label() {
    this.play.textContent = this.isPaused ? "Play" : "Pause";
    document.querySelector(".live").classList.toggle("is-paused", this.isPaused);
  }

  #chosenSpeed() {
    const value = this.speed.querySelector(":checked").value;
    return value === "max" ? value : Number(value);
  }

  #tell(command) {
    if (this.socket?.readyState !== WebSocket.OPEN) {
      if (!("ack" in command)) this.unsaid = { ...this.unsaid, ...command };
      return;
    }
    this.socket.send(JSON.stringify(command));
    if ("seek_ms" in command) this.seeks += 1;
  }

  #lost(event) {
    this.pulse.stop();
    this.isConnected = false;
    this.#stand();
    if (isAnswer(event.code) || this.tries >= RETRIES) {
      this.#say(event.reason || "The connection is lost. Reload the page to try again.");
      return;
    }
    this.tries += 1;
    this.#say("reconnecting …");
    setTimeout(() => event.target === this.socket && this.#connect(), Math.min(250 * 2 ** this.tries, 5000));
  }
}

for (const bar of document.querySelectorAll("[data-run]")) {
  const playback = new Playback(bar);
  const place = document.querySelector("[data-change]");
  if (place) new Changes(place.form, playback);
}

for (const stage of document.querySelectorAll(".stage")) {
  placeFaders(stage);
  tellFaders(stage);
}

/* The run bar says what traffic the form below asks for. */
const traffic = document.querySelector("[data-show=traffic]");
const form = document.getElementById("simulate");
if (traffic && form) {
  const say = () => {
    const said = new FormData(form);
    const shape = { poisson: `${said.get("rate_per_s")} per s`, closed: `${said.get("concurrency")} at a time` };
    const kind = said.get("traffic");
    traffic.textContent = shape[kind] ? `${said.get("num_requests")} requests, ${shape[kind]}` : kind;
  };
  for (const kind of ["input", "change"]) form.addEventListener(kind, say);
  document.addEventListener("htmx:afterSettle", say);
  say();
}
