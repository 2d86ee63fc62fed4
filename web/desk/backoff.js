// How long to wait before the next try, in milliseconds: doubling from half a second to fifteen, and spread, so that a restarted server is not met by all
// desks at once.

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** @param {number} attempt 0 for the first try after a loss; @param {number} random from 0 to 1 */
export function backoff(attempt, random = Math.random()) {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(longest * (0.5 + random / 2));
}
