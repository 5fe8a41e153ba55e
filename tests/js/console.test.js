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

function press(target, key, properties = {}) {
  const event = Object.assign(new Event("keydown", { cancelable: true }), { key, ...properties });
  Object.defineProperty(event, "target", { value: target });
  page.dispatchEvent(event);
  return event;
}

function finder() {
  const found = [new FakeElement(), new FakeElement()];
  const box = new FakeElement();
  const form = new FakeElement({ parts: { ".found a": found }, elements: { q: box } });
  form.contains = (element) => [box, ...found].includes(element);
  page.parts[".finder"] = form;
  page.parts["#found"] = new FakeElement({ replaceChildren: () => found.splice(0) });
  return { box, found };
}

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

test("a slash goes to the search, unless somebody is typing or means something else", () => {
  const { box } = finder();
  const somewhere = { closest: () => null };
  assert.equal(press({ closest: () => ({}) }, "/").defaultPrevented, false);
  assert.equal(press(somewhere, "/", { ctrlKey: true }).defaultPrevented, false);
  assert.equal(page.activeElement, null);
  assert.equal(press(somewhere, "/").defaultPrevented, true);
  assert.equal(page.activeElement, box);
});

test("arrow keys walk through what was found, and around", () => {
  const { box, found } = finder();
  const walked = ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"].map((key) => {
    press(page.activeElement ?? box, key);
    return [box, ...found].indexOf(page.activeElement);
  });
  assert.deepEqual(walked, [1, 2, 0, 2]);
});

test("Escape leaves what was found", () => {
  const { box, found } = finder();
  press(found[1], "Escape");
  assert.deepEqual([page.activeElement, found], [box, []]);
});

test("one box ticks all on the page", () => {
  const boxes = [new FakeElement({ checked: false }), new FakeElement({ checked: false })];
  const form = new FakeElement({ parts: { "tbody input[name=ids]": boxes } });
  const event = new Event("change");
  Object.defineProperty(event, "target", { value: { matches: () => true, checked: true, form } });
  page.dispatchEvent(event);
  assert.deepEqual([boxes[0].checked, boxes[1].checked], [true, true]);
});
