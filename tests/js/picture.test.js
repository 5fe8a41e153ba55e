import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeElement, open } from "./browser.js";

const page = open();
page.documentElement.dataset.theme = "unicorn";
const { addressOf } = await import("../../static/js/picture.js");
const link = new FakeElement({ attributes: { href: "/runs/r1/picture.svg?mode=ordered" } });

test("a picture has the theme of the page", () => {
  assert.equal(addressOf(link).href, "https://console.test/runs/r1/picture.svg?mode=ordered&theme=unicorn");
});

test("a picture shows the moment of the page, also a second time", () => {
  page.dispatchEvent(new CustomEvent("moment", { detail: { at_ms: 1500 } }));
  link.setAttribute("href", addressOf(link));
  page.dispatchEvent(new CustomEvent("moment", { detail: { at_ms: 0 } }));
  assert.equal(addressOf(link).search, "?mode=ordered&at_ms=0&theme=unicorn");
});
