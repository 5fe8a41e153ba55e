/* What the scripts that follow the server share: sockets, how they learn that it is gone, and how a page says so. */

/* Close codes from here on are HTTP's statuses plus 4000: answers, not accidents. */
const ANSWERS_FROM = 4400;
// A question after so long a silence, and how long its answer may take: together less than five seconds.
const ASK_MS = 2000;
const DEAF_MS = 2500;

export function isAnswer(code) {
  return code >= ANSWERS_FROM;
}

export function socketTo(path) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}${path}`);
}

/* A server that is gone may leave its socket open: `ask` after each silence, and `lose` when nothing was heard then. It
   goes on asking, because a question may be what got lost. */
export class Pulse {
  constructor(ask, lose) {
    Object.assign(this, { ask, lose });
  }

  heard() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.question(), ASK_MS);
  }

  question() {
    clearTimeout(this.timer);
    this.ask();
    this.timer = setTimeout(() => {
      this.lose();
      this.question();
    }, DEAF_MS);
  }

  stop() {
    clearTimeout(this.timer);
  }
}

/* The pill of a page that follows what happens: "Live", "Paused" or, in grey, why it is not live. */
export function sayLive(pill, { isPaused = pill.dataset.paused === "true", gone = pill.dataset.gone ?? "" }) {
  Object.assign(pill.dataset, { paused: isPaused, gone });
  const words = isPaused ? "Paused" : gone || "Live";
  if (pill.textContent !== words) pill.textContent = words;
  pill.classList.toggle("good", words === "Live");
  pill.hidden = false;
}
