/* What the builder decides by itself; what a step means for the list is decided by the server. */

export const MIDDLE = 0.25; // of a row's height is an edge, above and below; between them one drops onto the row
const NOT_OF_THE_DRAFT = new Set(["q", "scenario", "rehearsed", "csrfmiddlewaretoken", "change"]);

export function isInMiddle(y, { top, height }) {
  const part = (y - top) / height;
  return part > MIDDLE && part < 1 - MIDDLE;
}

/* The step to ask for when a row was dropped: onto another one, or between two; none when it is where it was. */
export function stepOf(uid, onto, hasMoved) {
  if (onto) return `onto:${uid}:${onto}`;
  return hasMoved ? `settle:${uid}` : null;
}

/* Where an arrow key leads among so many options, around the ends; `at` is -1 when none is chosen. */
export function optionAfter(key, at, count) {
  if (key === "ArrowDown") return (at + 1) % count;
  return at < 0 ? count - 1 : (at - 1 + count) % count;
}

/* Two forms with the same text hold the same draft. */
export function textOf(entries) {
  return JSON.stringify([...entries].filter(([name]) => !NOT_OF_THE_DRAFT.has(name)));
}
