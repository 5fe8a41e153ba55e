import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { FakeElement, FakeSocket, open } from "./browser.js";

let page,
  pill,
  told,
  toasts,
  version = 0;

/* Each test gets a module of its own: it remembers what it told. */
async function follow() {
  version += 1;
  await import(`../../static/js/news.js?${version}`);
  FakeSocket.last.opens();
}

function hear(name) {
  FakeSocket.last.hears({ changed: name });
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  toasts = [];
  const words = new FakeElement();
  const template = {
    content: { firstElementChild: { cloneNode: () => new FakeElement({ parts: { ".toast-text": words } }) } },
  };
  const corner = { append: () => toasts.push(words.textContent) };
  pill = new FakeElement();
  const follows = new FakeElement();
  follows.dataset.follows = "runs alerts";
  page = open({
    parts: {
      "[data-follows]": follows,
      "[data-show=live]": pill,
      "#toast-template": template,
      "#toasts": corner,
    },
  });
  told = [];
  for (const name of ["runs", "alerts"]) page.body.addEventListener(`${name}-changed`, () => told.push(name));
});

test("news is passed on at once, then every two seconds at most", async () => {
  await follow();
  hear("runs");
  hear("runs");
  hear("runs");
  assert.deepEqual(told, ["runs"]);
  mock.timers.tick(1999);
  assert.deepEqual(told, ["runs"]);
  mock.timers.tick(1);
  assert.deepEqual(told, ["runs", "runs"]);
  mock.timers.tick(10_000);
  assert.deepEqual(told, ["runs", "runs"]);
});

test("what changes does not hold up what else changes", async () => {
  await follow();
  hear("runs");
  hear("alerts");
  assert.deepEqual(told, ["runs", "alerts"]);
});

test("a page that nobody sees waits until somebody does", async () => {
  await follow();
  page.hidden = true;
  hear("runs");
  hear("runs");
  mock.timers.tick(60_000);
  assert.deepEqual(told, []);
  page.hidden = false;
  page.say("visibilitychange");
  assert.deepEqual(told, ["runs"]);
});

test("an alert is shown as it comes", async () => {
  await follow();
  FakeSocket.last.hears({ alert: "Everything fails." });
  assert.deepEqual(toasts, ["Everything fails."]);
});

test("a lost connection is made again, later each time, and soon again once it worked", async () => {
  await follow();
  for (const wait_s of [1, 2, 5, 15, 30, 30]) {
    const before = FakeSocket.all.length;
    FakeSocket.last.breaks(1006);
    mock.timers.tick(1000 * wait_s - 1);
    assert.equal(FakeSocket.all.length, before);
    mock.timers.tick(1);
    assert.equal(FakeSocket.all.length, before + 1);
  }
  hear("runs");
  FakeSocket.last.breaks(1006);
  mock.timers.tick(1000);
  assert.equal(FakeSocket.all.length, 8);
});

test("an answer of the server ends it", async () => {
  await follow();
  FakeSocket.last.breaks(4403);
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
});

test("what was unfolded stays so when its part is swapped", async () => {
  await follow();
  const before = new FakeElement({ parts: { "details[id][open]": [{ id: "d1" }, { id: "gone" }] } });
  const now = new FakeElement();
  page.parts["#d1"] = now;
  page.say("htmx:beforeSwap", { detail: { target: before } });
  page.say("htmx:afterSwap");
  assert.equal(now.getAttribute("open"), "");
});

/* A timer that another one starts is late when both are of the same tick. */
function pass(ms) {
  for (let n = 0; n < ms / 100; n += 1) mock.timers.tick(100);
}

const shown = () => [pill.hidden, pill.textContent, [...pill.classes]];

test("the pill shows nothing before the server has answered, then that the page is live", async () => {
  await follow();
  assert.deepEqual([pill.hidden, FakeSocket.last.sent], [true, [{ ping: true }]]);
  FakeSocket.last.hears({ pong: true });
  assert.deepEqual(shown(), [false, "Live", ["good"]]);
});

test("a server that answers no question within five seconds is gone; when it is back, every part is asked for", async () => {
  await follow();
  FakeSocket.last.hears({ pong: true });
  pass(4900);
  assert.deepEqual([shown(), told], [[false, "No answer", []], []]);
  FakeSocket.last.hears({ pong: true });
  assert.deepEqual(
    [shown(), told],
    [
      [false, "Live", ["good"]],
      ["runs", "alerts"],
    ],
  );
});

test("answers keep it live, and ask for nothing", async () => {
  await follow();
  for (let n = 0; n < 5; n += 1) {
    FakeSocket.last.hears({ pong: true });
    mock.timers.tick(2000);
  }
  assert.deepEqual([shown(), told], [[false, "Live", ["good"]], []]);
});

test("a socket that stays silent is given up for another one", async () => {
  await follow();
  const silent = FakeSocket.last;
  pass(12_000);
  assert.deepEqual([FakeSocket.all.length, shown()], [2, [false, "No answer", []]]);
  silent.hears({ changed: "runs" });
  assert.deepEqual(told, []);
  FakeSocket.last.opens();
  FakeSocket.last.hears({ pong: true });
  assert.deepEqual(
    [shown(), told],
    [
      [false, "Live", ["good"]],
      ["runs", "alerts"],
    ],
  );
});

test("a socket that breaks is no longer live at once, and one that the server refuses stays so", async () => {
  await follow();
  FakeSocket.last.hears({ pong: true });
  FakeSocket.last.breaks(1006);
  assert.equal(pill.textContent, "No answer");
  mock.timers.tick(1000);
  FakeSocket.last.breaks(4401);
  mock.timers.tick(60_000);
  assert.equal(pill.textContent, "Not live");
});
