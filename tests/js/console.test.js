import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, open } from "./browser.js";

let page,
  toasts,
  version = 0;

beforeEach(async () => {
  toasts = [];
  const words = new FakeElement();
  const copy = new FakeElement({ parts: { ".toast-text": words } });
  const template = { content: { firstElementChild: { cloneNode: () => copy } } };
  const corner = { append: () => toasts.push([words.textContent, ...copy.classes]) };
  page = open({ parts: { "#toast-template": template, "#toasts": corner } });
  version += 1;
  await import(`../../static/js/console.js?${version}`);
});

test("an address carries only the filters in use", () => {
  const detail = { verb: "get", parameters: { q: "", page: "2", status: "" } };
  page.say("htmx:configRequest", { detail });
  assert.deepEqual(detail.parameters, { page: "2" });
});

test("a form is sent as it is, empty fields too", () => {
  const detail = { verb: "post", parameters: { name: "" } };
  page.say("htmx:configRequest", { detail });
  assert.deepEqual(detail.parameters, { name: "" });
});

test("what went wrong is said in a toast", () => {
  page.say("htmx:responseError", { detail: { xhr: { status: 403 } } });
  page.say("htmx:responseError", { detail: { xhr: { status: 500 } } });
  page.say("htmx:sendError");
  assert.deepEqual(
    toasts.map(([text]) => text),
    [
      "You are not allowed to do this, or the page is too old. Reload it.",
      "The server answered 500. Its log says why.",
      "The server can't be reached. Is it running?",
    ],
  );
});

test("one box ticks all on the page", () => {
  const boxes = [new FakeElement({ checked: false }), new FakeElement({ checked: false })];
  const form = new FakeElement({ parts: { "tbody input[name=ids]": boxes } });
  const event = new Event("change");
  Object.defineProperty(event, "target", { value: { matches: () => true, checked: true, form } });
  page.dispatchEvent(event);
  assert.deepEqual([boxes[0].checked, boxes[1].checked], [true, true]);
});
