import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { SceneFollower } from "../../static/js/scene.js";
import { FakeElement, open, paint } from "./browser.js";

let root, card, copy, acknowledged, follower;

beforeEach(() => {
  open();
  card = new FakeElement({ id: "c1", firstChild: { data: "1" } });
  copy = new FakeElement({ id: "", firstChild: { data: "1" } });
  copy.dataset.of = "c1";
  root = new FakeElement({ id: "scene", parts: { "[id], [data-of]": [card, copy] } });
  root.dataset.patched = "#text class width";
  acknowledged = [];
  follower = new SceneFollower(root, (n) => acknowledged.push(n));
});

test("a patch is drawn with the next frame, and acknowledged only then", () => {
  follower.take({ n: 1, p: { c1: { class: "card down" } } });
  assert.deepEqual([card.getAttribute("class"), acknowledged], [null, []]);
  paint();
  assert.deepEqual([card.getAttribute("class"), acknowledged], ["card down", [1]]);
});

test("of patches in one frame the newest value wins, and the last is acknowledged", () => {
  follower.take({ n: 1, p: { c1: { class: "old", width: "3" } } });
  follower.take({ n: 2, p: { c1: { class: "new" } } });
  paint();
  assert.deepEqual([card.getAttribute("class"), card.getAttribute("width"), acknowledged], ["new", "3", [2]]);
});

test("copies follow what they are copies of", () => {
  follower.take({ n: 1, p: { c1: { "#text": "2" } } });
  paint();
  assert.deepEqual([card.firstChild.data, copy.firstChild.data], ["2", "2"]);
});

test("the diagram itself is patched too", () => {
  follower.take({ n: 1, p: { scene: { class: "scene paused" } } });
  paint();
  assert.equal(root.getAttribute("class"), "scene paused");
});

test("what the page does not name stays untouched", () => {
  follower.take({ n: 1, p: { c1: { href: "https://elsewhere.test", onclick: "x()" }, unknown: { class: "x" } } });
  paint();
  assert.deepEqual([[...card.attributes], acknowledged], [[], [1]]);
});

test("an element without text gets one", () => {
  const empty = new FakeElement({ id: "c2", firstChild: null });
  empty.appendChild = (node) => {
    empty.firstChild = node;
    return node;
  };
  root.parts["[id], [data-of]"].push(empty);
  follower = new SceneFollower(root, () => {});
  follower.take({ n: 1, p: { c2: { "#text": "5" } } });
  paint();
  assert.equal(empty.firstChild.data, "5");
});

test("what waits when the diagram is drawn again is forgotten", () => {
  follower.take({ n: 1, p: { c1: { class: "old" } } });
  follower.stop();
  paint();
  assert.deepEqual([card.getAttribute("class"), acknowledged], [null, []]);
});
