/* What the scripts with a socket share. */

/* Close codes from here on are HTTP's statuses plus 4000: answers, not accidents. */
const ANSWERS_FROM = 4400;

export function isAnswer(code) {
  return code >= ANSWERS_FROM;
}

export function socketTo(path) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}${path}`);
}
