import assert from "node:assert/strict";
import { test } from "node:test";
import { percentages } from "../../static/js/shares.js";
import cases from "./shares.json" with { type: "json" };

for (const { weights, shares } of cases) {
  test(`the shares of ${JSON.stringify(weights)} are the server's`, () => {
    assert.deepEqual(percentages(weights), shares);
  });
}

test("shares of anything add up to 100", () => {
  for (let n = 1; n <= 60; n += 1) {
    const weights = Array.from({ length: 1 + (n % 9) }, (_, place) => (n * (place + 3)) % 17);
    if (weights.some(Boolean)) assert.equal(sumOf(percentages(weights)), 100);
  }
});

function sumOf(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}
