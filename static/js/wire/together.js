// Figures of a run that are asked for in one turn of the page come in one answer: what they share is read once, and they
// are there at the same time.
import { apiUrl } from "./api.js";

/** @typedef {{ok: boolean, status: number, body: any}} Answer */

/**
 * @param {(url: string) => Promise<Answer>} fetchBody
 * @returns {(wanted: {family: string, name: string, query: Record<string, unknown>}) => Promise<Answer>} `family` is the
 *   address that the figures' own addresses begin with
 */
export function together(fetchBody) {
  /** @type {Map<string, object[]> | null} */
  let turn = null;

  const alone = ({ family, name, query }) => fetchBody(apiUrl(`${family}/${name}`, query));

  async function ask(group) {
    if (group.length === 1) return [await alone(group[0])];
    // What one of them alone is asked for, as a parameter's name, the others do not look at.
    const query = Object.assign({}, ...group.map((one) => one.query));
    const { ok, status, body } = await fetchBody(apiUrl(group[0].family, { ...query, name: group.map((one) => one.name) }));
    // One that cannot be drawn does not take the others with it.
    if (status === 404 || status === 422) return Promise.all(group.map(alone));
    return group.map(({ name }) => ({ ok, status, body: ok ? body[name] : body }));
  }

  function send(groups) {
    for (const group of groups.values()) {
      ask(group).then(
        (answers) => group.forEach(({ resolve }, i) => resolve(answers[i])),
        (error) => group.forEach(({ reject }) => reject(error)),
      );
    }
  }

  return (wanted) =>
    new Promise((resolve, reject) => {
      if (!turn) {
        turn = new Map();
        queueMicrotask(() => {
          const groups = turn;
          turn = null;
          send(groups);
        });
      }
      const { family, query } = wanted;
      const key = JSON.stringify([family, query.step ?? null, query.layer ?? null]);
      turn.set(key, [...(turn.get(key) ?? []), { ...wanted, resolve, reject }]);
    });
}
