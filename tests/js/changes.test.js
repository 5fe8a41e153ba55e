import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Changes } from "../../static/js/changes.js";
import { FakeElement, open } from "./browser.js";

let form, slider, scenario, note, playback, sent, answer;

class FakeFormData extends Map {
  constructor(source) {
    super(Object.entries(source.said));
  }
}

function pageSaying({ run, refused }) {
  const parts = {};
  if (run) parts["[data-run]"] = { dataset: { run } };
  if (refused) parts["[data-not-changed]"] = { dataset: { notChanged: refused } };
  return new FakeElement({ parts });
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  slider = new FakeElement({ name: "fail_d1", matches: () => true });
  scenario = new FakeElement({ name: "scenario", matches: () => true });
  const other = new FakeElement({ name: "seed", matches: () => false });
  form = new FakeElement({
    elements: [slider, scenario, other],
    said: { scenario: "calm", shown_scenario: "calm", fail_d1: "50" },
    parts: { "[data-change]": new FakeElement(), "[data-change-hint]": new FakeElement() },
  });
  note = new FakeElement();
  open({ parts: { "[data-show=change]": note } });
  playback = { run: "r1", isUnderWay: true, hold: () => 1234, wentOnIn: [] };
  playback.goOnIn = (run) => playback.wentOnIn.push(run);
  sent = [];
  answer = pageSaying({ run: "r2" });
  globalThis.FormData = FakeFormData;
  globalThis.history = { replaceState: (_state, _title, address) => sent.push(address) };
  globalThis.fetch = async (address, { method, body }) => {
    sent.push([method, address, Object.fromEntries(body)]);
    return { text: async () => "" };
  };
  globalThis.DOMParser = class {
    parseFromString() {
      return answer;
    }
  };
});

async function settled(changes) {
  mock.timers.tick(300);
  await changes.work;
}

test("moving sliders changes the run once, when they rest, from the moment shown", async () => {
  const changes = new Changes(form, playback);
  slider.say("change");
  mock.timers.tick(200);
  slider.say("change");
  mock.timers.tick(299);
  assert.deepEqual(sent, []);
  await settled(changes);
  assert.deepEqual(sent, [["POST", "/runs/r1/change", { fail_d1: "50", at_ms: 1234 }], "/runs/r2"]);
  assert.deepEqual([playback.wentOnIn, note.textContent], [["r2"], "changed at 1.2\u202fs"]);
});

test("a scenario is sent only when one was chosen", async () => {
  const changes = new Changes(form, playback);
  scenario.say("change");
  await settled(changes);
  assert.equal(sent[0][2].scenario, "calm");
  slider.say("change");
  await settled(changes);
  assert.equal("scenario" in sent[2][2], false);
});

test("a change that is refused says why, and the run goes on", async () => {
  answer = pageSaying({ refused: "The run is over." });
  const changes = new Changes(form, playback);
  slider.say("change");
  await settled(changes);
  assert.deepEqual([note.textContent, playback.wentOnIn], ["Not changed: The run is over.", ["r1"]]);
});

test("a server that is away, or a page that is no run, is said", async () => {
  const changes = new Changes(form, playback);
  answer = pageSaying({});
  slider.say("change");
  await settled(changes);
  assert.equal(note.textContent, "Not changed: Reload the page and try again.");
  globalThis.fetch = async () => {
    throw new TypeError("failed");
  };
  slider.say("change");
  await settled(changes);
  assert.equal(note.textContent, "Not changed: The server does not answer.");
});

test("at the end of a run the controls are for the next one", async () => {
  playback.isUnderWay = false;
  const changes = new Changes(form, playback);
  slider.say("change");
  await settled(changes);
  assert.deepEqual(sent, []);
});
