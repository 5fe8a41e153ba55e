import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, open } from "./browser.js";

let page,
  live,
  rows,
  table,
  asked,
  version = 0;

beforeEach(async () => {
  live = new FakeElement({ attributes: { "aria-pressed": "true" } });
  table = new FakeElement({ matches: () => false, contains: () => false });
  rows = new FakeElement({ parts: { table } });
  Object.assign(rows.dataset, { follows: "requests", rows: "/requests?seen=9", news: "/requests/news?seen=9" });
  page = open({ parts: { "#live": live, "#request-rows": rows, "#request-rows[data-follows]": rows } });
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

test("further down, in the table, or when it is switched off, only their number comes", () => {
  globalThis.scrollY = 161;
  change();
  globalThis.scrollY = 0;
  table.matches = () => true;
  change();
  table.matches = () => false;
  table.contains = () => true;
  change();
  table.contains = () => false;
  live.say("click");
  change();
  assert.deepEqual(asked, [COUNT, COUNT, COUNT, COUNT]);
});

test("switching it on again catches up", () => {
  live.say("click");
  live.say("click");
  assert.deepEqual([asked, live.getAttribute("aria-pressed")], [[ROWS], "true"]);
});

test("older requests and filtered ones are not live", () => {
  delete rows.dataset.follows;
  delete page.parts["#request-rows[data-follows]"];
  change();
  page.say("htmx:afterSettle");
  assert.deepEqual([asked, live.hidden], [[], true]);
});
