// Verbs of a run that pages share: stopping, which cannot be undone, and taking back what can.
import { confirmAction } from "../shell/dialog.js";
import { errorText, toast } from "../shell/toasts.js";
import { post } from "../wire/api.js";

/** The states after which a run does nothing more. */
export const OVER = new Set(["succeeded", "diverged", "failed", "cancelled"]);
const WAIT_MS = 300;
const MOST_TRIES = 200;

/** Stop a run for good, if that is really meant. @param {string} id @param {string} name @returns {Promise<boolean>} */
export function cancelRun(id, name) {
  return cancelRuns([{ id, name }]);
}

/**
 * Stop runs for good, if that is really meant, and say in one message what came of it.
 * @param {{id: string, name: string}[]} runs those that are not over
 * @param {{confirm: typeof confirmAction, post: typeof post, toast: typeof toast}} [world]
 * @returns {Promise<boolean>} whether it was meant
 * @throws what the service says of a single one that it does not stop
 */
export async function cancelRuns(runs, world = { confirm: confirmAction, post, toast }) {
  const [{ name }] = runs;
  const isOne = runs.length === 1;
  const sure = await world.confirm({
    title: isOne ? "Stop this run?" : `Stop ${runs.length} runs?`,
    text: isOne
      ? `${name} cannot go on afterwards. What it recorded stays readable.`
      : "They cannot go on afterwards. What they recorded stays readable.",
    yes: "Stop",
  });
  if (!sure) return false;
  const answers = await Promise.allSettled(runs.map(({ id }) => world.post(`/runs/${id}/cancel`)));
  const refused = answers.filter(({ status }) => status === "rejected");
  if (isOne && refused.length) throw refused[0].reason;
  const stopped = runs.length - refused.length;
  const words = isOne
    ? `${name} is being cancelled; what it recorded stays.`
    : `${stopped} ${stopped === 1 ? "run is" : "runs are"} being cancelled; what is recorded stays.`;
  world.toast(refused.length ? `${words} ${refused.length} not: ${errorText(refused[0].reason)}` : words);
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
