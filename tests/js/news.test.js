import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { FakeElement, FakeSocket, open } from "./browser.js";

let page,
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
  page = open({ parts: { "[data-follows]": new FakeElement(), "#toast-template": template, "#toasts": corner } });
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
