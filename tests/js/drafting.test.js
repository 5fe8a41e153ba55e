import assert from "node:assert/strict";
import { test } from "node:test";
import { isInMiddle, optionAfter, stepOf, textOf } from "../../static/js/drafting.js";

test("the upper and the lower quarter of a row are its edges", () => {
  const row = { top: 100, height: 40 };
  const places = [100, 110, 111, 129, 130, 140].map((y) => isInMiddle(y, row));
  assert.deepEqual(places, [false, false, true, true, false, false]);
});

test("a row dropped onto another one shares its priority", () => {
  assert.equal(stepOf("a", "b", true), "onto:a:b");
});

test("a row dropped between others settles there; where it was, nothing is asked", () => {
  assert.deepEqual([stepOf("a", undefined, true), stepOf("a", undefined, false)], ["settle:a", null]);
});

test("arrow keys go around among the options", () => {
  const down = [-1, 0, 1, 2].map((at) => optionAfter("ArrowDown", at, 3));
  const up = [-1, 0, 1, 2].map((at) => optionAfter("ArrowUp", at, 3));
  assert.deepEqual(
    [down, up],
    [
      [0, 1, 2, 0],
      [2, 2, 0, 1],
    ],
  );
});

test("what is searched for, and what the server keeps, is no part of a draft", () => {
  const draft = [
    ["name", "prod"],
    ["row", "a"],
    ["row", "b"],
  ];
  const rest = [
    ["q", "gpt"],
    ["csrfmiddlewaretoken", "x"],
    ["change", "settle:a"],
    ["scenario", "calm"],
    ["rehearsed", "1"],
  ];
  assert.equal(textOf([...rest, ...draft]), textOf(draft));
  assert.notEqual(textOf(draft), textOf(draft.toReversed()));
});
