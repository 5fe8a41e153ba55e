/* Moving a failure slider, or choosing another scenario, while a run is played or paused changes it from the moment
   shown. The server makes a run of its own with the same past; the playback goes on in that one. */

const CALM_MS = 300;
// What a page says about its run besides the diagram and the timeline, which follow by themselves.
const WHOLE = ["requests", "success", "average", "p95", "first_token", "fallbacks", "cost"].map(
  (name) => `#whole-${name}`,
);
const OF_THE_RUN = [".live-head p", ".no-effect", ".runs", "[data-control=stop]", "#verdict", "#numbers", ...WHOLE];

export class Changes {
  constructor(form, playback) {
    this.form = form;
    this.playback = playback;
    this.note = document.querySelector("[data-show=change]");
    this.chosen = null; // the select, once another scenario was chosen
    this.timer = 0;
    this.work = Promise.resolve();
    form.querySelector("[data-change]").hidden = true;
    form.querySelector("[data-change-hint]").hidden = false;
    for (const control of form.elements) {
      if (control.matches("[name=scenario], .slider")) control.addEventListener("change", () => this.#soon(control));
    }
  }

  /* At the end of a run there is nothing left to change: the controls are for the next one. */
  #soon(control) {
    if (!this.playback.isUnderWay) return;
    if (control.name === "scenario") this.chosen = control;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.work = this.work.then(() => this.#change())), CALM_MS);
  }

  async #change() {
    const at_ms = this.playback.hold();
    this.note.textContent = "changing …";
    try {
      const run = showRun(await this.#sent(at_ms));
      this.chosen = null;
      this.note.textContent = `changed at ${(at_ms / 1000).toFixed(1)}\u202fs`;
      this.playback.goOnIn(run);
    } catch (error) {
      this.note.textContent = `Not changed: ${error.message}`;
      this.playback.goOnIn(this.playback.run);
    }
  }

  async #sent(at_ms) {
    const said = new FormData(this.form);
    said.set("at_ms", at_ms);
    said.delete("shown_scenario");
    if (!this.chosen) said.delete("scenario");
    return await pageOf(`/runs/${this.playback.run}/change`, { method: "POST", body: said });
  }
}

export async function pageOf(address, request) {
  const answer = await fetch(address, request).catch(() => {
    throw new Error("The server does not answer.");
  });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const refused = page.querySelector("[data-not-changed]")?.dataset.notChanged;
  if (refused || !page.querySelector("[data-run]")) throw new Error(refused ?? "Reload the page and try again.");
  return page;
}

/* Shows what another run's page says about its run; gives the run. */
function showRun(page) {
  for (const place of OF_THE_RUN) {
    const [before, now] = [document.querySelector(place), page.querySelector(place)];
    if (!now) continue;
    if (before) before.replaceWith(document.adoptNode(now));
    else document.querySelector(".playback").append(document.adoptNode(now));
    htmx.process(now);
  }
  const { run } = page.querySelector("[data-run]").dataset;
  history.replaceState(null, "", `/runs/${run}`);
  return run;
}

/* The same, and the controls with it: somebody else changed the run, and what stands here would undo that. */
export function goAlong(page) {
  for (const control of document.querySelectorAll(".faders .slider, [name=scenario]")) {
    const now = page.querySelector(`[name=${control.name}]`);
    if (now) control.value = now.value;
    control.dispatchEvent(new Event("input"));
  }
  return showRun(page);
}
