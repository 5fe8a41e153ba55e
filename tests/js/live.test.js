import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { FakeElement, FakeSocket, open, paint } from "./browser.js";

open();
const { Playback, stepAt } = await import("../../static/js/live.js");

const RUNNING = { at_ms: 1000, end_ms: 4000, status: "running", seeks: 0 };
const OVER = { at_ms: 4000, end_ms: 4000, status: "done", seeks: 0 };

let bar, page, controls;

function start({ status = "running", speed = "10", address } = {}) {
  controls = {
    play: new FakeElement(),
    scrub: new FakeElement({ value: 0 }),
    moment: new FakeElement(),
    speed: new FakeElement({ parts: { ":checked": { value: speed } } }),
    status: new FakeElement({ textContent: status }),
    change: new FakeElement(),
    standing: new FakeElement(),
  };
  bar = new FakeElement({
    parts: {
      "[data-control=play]": controls.play,
      "[data-control=scrub]": controls.scrub,
      "[data-control=speed]": controls.speed,
      "[data-show=moment]": controls.moment,
      "[data-show=status]": controls.status,
      "[data-show=change]": controls.change,
      "[data-live]": controls.standing,
    },
  });
  Object.assign(bar.dataset, { run: "r1", mode: "ordered", status, final: "done cancelled failed" });
  Object.assign(bar.dataset, { frameMs: "250", framesPerInterval: "400" });
  const scene = new FakeElement({ id: "scene" });
  scene.dataset.patched = "class";
  page = open({ parts: { ".scene": scene, ".live": new FakeElement() }, address });
  return new Playback(bar);
}

function wishes() {
  return Object.fromEntries(FakeSocket.last.address.searchParams);
}

function connected(options) {
  const playback = start(options);
  FakeSocket.last.opens();
  FakeSocket.last.hears({ s: RUNNING });
  FakeSocket.last.sent.length = 0;
  return playback;
}

beforeEach(() => mock.timers.reset());

test("a playback asks for its run as the page shows it", () => {
  start();
  assert.equal(FakeSocket.last.address.href.split("?")[0], "wss://console.test/ws/runs/r1/");
  assert.deepEqual(wishes(), { mode: "ordered", speed: "10", pause: "false" });
});

test("a run that is over begins paused at its end", () => {
  start({ status: "done" });
  assert.deepEqual(wishes(), { mode: "ordered", speed: "10", pause: "true", seek_ms: "1000000000000" });
  assert.equal(controls.play.textContent, "Play");
});

test("a link can name the moment to begin from", () => {
  start({ address: "http://console.test/runs/r1?from=1500" });
  assert.equal(FakeSocket.last.address.protocol, "ws:");
  assert.equal(wishes().seek_ms, "1500");
});

test("a patch is acknowledged when it is on the screen", () => {
  connected();
  FakeSocket.last.hears({ n: 7, p: { scene: { class: "scene" } } });
  assert.deepEqual(FakeSocket.last.sent, []);
  paint();
  assert.deepEqual(FakeSocket.last.sent, [{ ack: 7 }]);
});

test("what was wished for before the connection is said once it stands, but no acknowledgement", () => {
  start();
  const socket = FakeSocket.last;
  socket.hears({ n: 1, p: {} });
  paint();
  controls.play.say("click");
  assert.deepEqual(socket.sent, []);
  socket.opens();
  assert.deepEqual(socket.sent, [{ pause: true }]);
});

test("a state is shown, and told to the page", () => {
  const told = [];
  connected();
  page.addEventListener("moment", ({ detail }) => told.push([detail.run, detail.at_ms]));
  FakeSocket.last.hears({ s: { ...RUNNING, at_ms: 2345.6 } });
  assert.deepEqual(told, [["r1", 2345.6]]);
  assert.deepEqual([controls.scrub.value, controls.scrub.max, controls.moment.value], [2346, 4000, "2.3\u202fs"]);
  assert.equal(bar.dataset.status, "running");
});

test("a state from before the last seek is not shown", () => {
  connected();
  controls.scrub.value = "3000";
  controls.scrub.say("input");
  FakeSocket.last.hears({ s: { ...RUNNING, at_ms: 1100, seeks: 0 } });
  assert.equal(controls.scrub.value, 3000);
  FakeSocket.last.hears({ s: { ...RUNNING, at_ms: 3000, seeks: 1 } });
  assert.equal(controls.moment.value, "3.0\u202fs");
});

test("seeking pauses first, so that nothing moves on from there", () => {
  connected();
  page.dispatchEvent(new CustomEvent("seek", { detail: { at_ms: 500 } }));
  assert.deepEqual(FakeSocket.last.sent, [{ pause: true }, { seek_ms: 500 }]);
});

test("at its end a run pauses, and says once that it is over", () => {
  let times = 0;
  connected();
  page.addEventListener("run-over", () => {
    times += 1;
  });
  FakeSocket.last.hears({ s: OVER });
  FakeSocket.last.hears({ s: OVER });
  assert.deepEqual([times, FakeSocket.last.sent], [1, [{ pause: true }]]);
});

test("playing at the end begins again", () => {
  connected();
  FakeSocket.last.hears({ s: OVER });
  FakeSocket.last.sent.length = 0;
  controls.play.say("click");
  assert.deepEqual(FakeSocket.last.sent, [{ seek_ms: 0 }, { pause: false }]);
});

test("an arrow key leads a second on or back, within the run", () => {
  connected();
  const press = (key) => controls.scrub.say("keydown", { key });
  assert.equal(press("ArrowRight").defaultPrevented, true);
  press("ArrowLeft");
  press("ArrowLeft");
  assert.equal(press("a").defaultPrevented, false);
  const sought = FakeSocket.last.sent.filter((wish) => "seek_ms" in wish).map((wish) => wish.seek_ms);
  assert.deepEqual(sought, [2000, 1000, 0]);
  controls.scrub.say("keydown", { key: "ArrowRight", shiftKey: true });
  assert.deepEqual(FakeSocket.last.sent.at(-1), { seek_ms: 4000 });
});

test("arrow keys pressed before the first moment has come count once it has", () => {
  start();
  controls.scrub.say("keydown", { key: "ArrowRight" });
  controls.scrub.say("keydown", { key: "ArrowRight" });
  FakeSocket.last.opens();
  assert.deepEqual(FakeSocket.last.sent, [{}]);
  FakeSocket.last.hears({ s: RUNNING });
  const sought = FakeSocket.last.sent.filter((wish) => "seek_ms" in wish).map((wish) => wish.seek_ms);
  assert.deepEqual(sought, [2000, 3000]);
});

test("pictures of a long run are further apart", () => {
  const apart = [1000, 100_000, 100_001, 300_000, 300_001].map((end_ms) => stepAt(end_ms, 250, 400));
  assert.deepEqual(apart, [250, 250, 500, 500, 1000]);
});

test("the speed is a number, or all at once", () => {
  connected({ speed: "max" });
  controls.speed.say("change");
  assert.deepEqual(FakeSocket.last.sent, [{ speed: "max" }]);
});

test("a lost connection is made again, from the moment shown", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  connected();
  FakeSocket.last.breaks(1006);
  assert.equal(controls.status.textContent, "reconnecting …");
  mock.timers.tick(500);
  assert.deepEqual([FakeSocket.all.length, wishes().seek_ms], [2, "1000"]);
});

test("it waits longer after each failure, five seconds at most, and gives up in the end", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  start();
  const waits = [];
  while (controls.status.textContent !== "The connection is lost. Reload the page to try again.") {
    const before = FakeSocket.all.length;
    FakeSocket.last.breaks(1006);
    let waited = 0;
    for (; FakeSocket.all.length === before && waited < 10_000; waited += 250) mock.timers.tick(250);
    waits.push(waited);
  }
  assert.deepEqual(waits.slice(0, 6), [500, 1000, 2000, 4000, 5000, 5000]);
  assert.equal(FakeSocket.all.length, 21);
});

test("an answer of the server is shown, and nothing is tried again", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  connected();
  FakeSocket.last.breaks(4404, "There is no such run.");
  mock.timers.tick(60_000);
  assert.deepEqual([controls.status.textContent, FakeSocket.all.length], ["There is no such run.", 1]);
});

test("while it is held, what still arrives is ignored", () => {
  const playback = connected();
  const before = FakeSocket.last;
  assert.equal(playback.hold(), 1000);
  before.hears({ s: { ...RUNNING, at_ms: 3000 } });
  assert.equal(controls.scrub.value, 1000);
  playback.goOnIn("r2");
  assert.equal(FakeSocket.last.address.pathname, "/ws/runs/r2/");
  assert.deepEqual([wishes().seek_ms, bar.dataset.run, bar.dataset.status], ["1000", "r2", "queued"]);
});

test("a run is under way until its end is shown", () => {
  const playback = start();
  assert.equal(playback.isUnderWay, false);
  FakeSocket.last.opens();
  FakeSocket.last.hears({ s: { ...OVER, at_ms: 1000 } });
  assert.equal(playback.isUnderWay, true);
  FakeSocket.last.hears({ s: OVER });
  assert.equal(playback.isUnderWay, false);
});

test("an error of the run is said with its status", () => {
  connected();
  FakeSocket.last.hears({ s: { ...OVER, status: "failed", error: "The worker ended." } });
  assert.equal(controls.status.textContent, "failed: The worker ended.");
});

test("the dot is green while a run goes on, and grey at its end", () => {
  connected();
  assert.deepEqual([...controls.standing.classes], ["is-live"]);
  FakeSocket.last.hears({ s: OVER });
  assert.deepEqual([...controls.standing.classes], []);
});

test("a server that answers no question within five seconds is gone, and the dot is grey", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  connected();
  mock.timers.tick(2000);
  assert.deepEqual(FakeSocket.last.sent, [{ ping: true }]);
  mock.timers.tick(2900);
  assert.deepEqual([[...controls.standing.classes], controls.status.textContent], [[], "no connection"]);
  FakeSocket.last.hears({ pong: true });
  FakeSocket.last.hears({ s: RUNNING });
  assert.deepEqual([[...controls.standing.classes], controls.status.textContent], [["is-live"], "running"]);
});

test("an answer keeps the dot green, and the next question comes after the next silence", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  connected();
  for (let n = 0; n < 3; n += 1) {
    mock.timers.tick(2000);
    FakeSocket.last.hears({ pong: true });
  }
  assert.deepEqual(FakeSocket.last.sent, [{ ping: true }, { ping: true }, { ping: true }]);
  assert.deepEqual([...controls.standing.classes], ["is-live"]);
});
