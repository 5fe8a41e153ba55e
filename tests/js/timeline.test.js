import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, open } from "./browser.js";

open();
const { Timeline } = await import("../../static/js/timeline.js");

let page, root, body, slider, text, link, line, sought;

function bucket(to, words) {
  const element = new FakeElement({
    attributes: { href: `/traces?to=${to}` },
    parts: { title: { textContent: words } },
  });
  element.dataset.to = String(to);
  return element;
}

beforeEach(() => {
  slider = new FakeElement();
  text = new FakeElement();
  link = new FakeElement({ clicks: 0 });
  link.click = () => {
    link.clicks += 1;
  };
  line = new FakeElement();
  const foot = new FakeElement({
    parts: { "[data-show=bucket]": text, "[data-show=link]": link },
  });
  body = new FakeElement({
    parts: { ".bucket": [bucket(1000, "first"), bucket(2000, "second"), bucket(3000, "third")] },
  });
  body.dataset.end = "3000";
  root = new FakeElement({
    parts: {
      "[data-control=scrub]": slider,
      ".timeline-foot": foot,
      ".timeline-body": body,
      ".now": line,
      ".ahead": new FakeElement(),
    },
  });
  root.dataset.timeline = "r1";
  page = open({ parts: { ".picture a, .export a": [] } });
  sought = [];
  page.addEventListener("seek", ({ detail }) => sought.push(detail.at_ms));
  new Timeline(root);
});

function moment(at_ms, run = "r1") {
  page.dispatchEvent(new CustomEvent("moment", { detail: { at_ms, run } }));
}

test("it begins at the end of the run", () => {
  assert.equal(text.textContent, "third");
});

test("it follows the playback: a bucket ends with its last millisecond", () => {
  const shown = [0, 1000, 1000.5, 2999, 9999].map((at_ms) => {
    moment(at_ms);
    return text.textContent;
  });
  assert.deepEqual(shown, ["first", "first", "second", "third", "third"]);
  assert.equal(link.getAttribute("href"), "/traces?to=3000");
});

test("the line stands where the moment is, and never beyond the end", () => {
  moment(1500);
  assert.equal(line.getAttribute("x1"), "50%");
  moment(9000);
  assert.equal(line.getAttribute("x2"), "100%");
});

test("Enter opens the requests of the bucket", () => {
  slider.say("keydown", { key: "Enter" });
  assert.equal(link.clicks, 1);
});

test("a click on a bar seeks its end; with a modifier it stays a link", () => {
  const bar = bucket(2000, "second");
  bar.closest = () => bar;
  const click = (properties) => {
    const event = Object.assign(new Event("click", { cancelable: true }), properties);
    Object.defineProperty(event, "target", { value: bar });
    root.dispatchEvent(event);
    return event.defaultPrevented;
  };
  assert.deepEqual([click({ ctrlKey: true }), sought], [false, []]);
  assert.deepEqual([click({}), sought], [true, [2000]]);
});

test("a run that goes on as another one has its timeline drawn again, and its links changed", () => {
  const asked = [];
  globalThis.htmx = { ajax: async (_, address) => asked.push(address) };
  const picture = new FakeElement({ attributes: { href: "/runs/r1/traces" } });
  page.parts[".picture a, .export a"] = [picture];
  moment(500, "r2");
  moment(600, "r2");
  assert.deepEqual([asked, picture.getAttribute("href")], [["/runs/r2/timeline"], "/runs/r2/traces"]);
});

test("without buckets there is nothing to seek", () => {
  body.parts[".bucket"] = [];
  root.say("htmx:afterSettle");
  moment(700);
  assert.equal(root.parts[".timeline-foot"].hidden, true);
});
