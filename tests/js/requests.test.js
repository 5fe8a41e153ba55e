import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, open } from "./browser.js";

let page,
  live,
  pause,
  pill,
  rows,
  table,
  asked,
  version = 0;

beforeEach(async () => {
  live = new FakeElement();
  pill = new FakeElement({ textContent: "Live" });
  pause = new FakeElement({ attributes: { "aria-pressed": "false" } });
  table = new FakeElement({ matches: () => false, contains: () => false });
  rows = new FakeElement({ parts: { table } });
  Object.assign(rows.dataset, { follows: "requests", rows: "/requests?seen=9", news: "/requests/news?seen=9" });
  const parts = { "#live": live, "#live-pause": pause, "[data-show=live]": pill };
  page = open({ parts: { ...parts, "#request-rows": rows, "#request-rows[data-follows]": rows } });
  asked = [];
  globalThis.scrollY = 0;
  globalThis.htmx = { ajax: async (_, address, { target }) => asked.push([address, target]) };
  version += 1;
  await import(`../../static/js/requests.js?${version}`);
});

const change = () => page.body.say("requests-changed");
const ROWS = ["/requests?seen=9", "#request-rows"];
const COUNT = ["/requests/news?seen=9", "#request-news"];

test("new rows come by themselves while one looks at the top", () => {
  change();
  assert.deepEqual(asked, [ROWS]);
});

test("further down, in the table, or when it is paused, only their number comes", () => {
  globalThis.scrollY = 161;
  change();
  globalThis.scrollY = 0;
  table.matches = () => true;
  change();
  table.matches = () => false;
  table.contains = () => true;
  change();
  table.contains = () => false;
  pause.say("click");
  change();
  assert.deepEqual(asked, [COUNT, COUNT, COUNT, COUNT]);
  assert.deepEqual([pill.textContent, pause.textContent], ["Paused", "Go on"]);
});

test("going on catches up", () => {
  pause.say("click");
  pause.say("click");
  assert.deepEqual([asked, pause.getAttribute("aria-pressed")], [[ROWS], "false"]);
  assert.deepEqual([pill.textContent, pause.textContent], ["Live", "Pause"]);
});

test("older requests and filtered ones are not live", () => {
  delete rows.dataset.follows;
  delete page.parts["#request-rows[data-follows]"];
  change();
  page.say("htmx:afterSettle");
  assert.deepEqual([asked, live.hidden], [[], true]);
});
