// Verbs of a run that pages share: stopping, which cannot be undone, and taking back what can.
import { confirmAction } from "../shell/dialog.js";
import { toast } from "../shell/toasts.js";
import { post } from "../wire/api.js";

/** The states after which a run does nothing more. */
export const OVER = new Set(["succeeded", "diverged", "failed", "cancelled"]);
const WAIT_MS = 300;
const MOST_TRIES = 200;

/** Stop a run for good, if that is really meant. @param {string} id @param {string} name @returns {Promise<boolean>} */
export async function cancelRun(id, name) {
  const sure = await confirmAction({
    title: "Stop this run?",
    text: `${name} cannot go on afterwards. What it recorded stays readable.`,
    yes: "Stop",
  });
  if (!sure) return false;
  await post(`/runs/${id}/cancel`);
  toast(`${name} is being cancelled; what it recorded stays.`);
  return true;
}

/**
 * Take back what was asked of a run, as soon as it is where that can be done.
 * @param {string} id @param {string} verb @param {string[]} from states in which the verb is allowed
 * @param {{getJson: Function, post: Function, later?: (ms: number) => Promise<void>}} world
 * @returns {Promise<string | null>} null where it was done, else the state that made it too late
 */
export async function takeBack(id, verb, from, { getJson: get, post: send, later = wait }) {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const { status } = await get(`/runs/${id}`);
    if (from.includes(status)) {
      await send(`/runs/${id}/${verb}`);
      return null;
    }
    if (OVER.has(status)) return status;
    await later(WAIT_MS);
  }
  return "not where it was expected";
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
