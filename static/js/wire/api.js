// The service's REST calls. What it refuses comes as an ApiError with the problem's own words.

const BASE = "/api/v1";

/** An answer that is not 2xx, as problem+json says it (RFC 9457). */
export class ApiError extends Error {
  /** @param {number} status @param {{title?: string, detail?: string, errors?: object[], type?: string}} problem */
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `The service answered ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.title = problem.title ?? `Error ${status}`;
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? [];
    this.problem = problem;
  }
}

/**
 * An address under the API. A list in the query is repeated; null and undefined are left out.
 * @param {string} path such as "/runs"
 * @param {Record<string, unknown>} [query]
 */
export function apiUrl(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined) parameters.append(name, String(one));
    }
  }
  const text = parameters.toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

/** @param {string} path @param {{query?: object, signal?: AbortSignal}} [options] */
export async function getJson(path, { query = {}, signal } = {}) {
  return answer(await fetch(apiUrl(path, query), { signal, headers: { Accept: "application/json" } }));
}

/**
 * @param {"POST" | "PATCH" | "DELETE"} method
 * @param {string} path
 * @param {{body?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 */
export async function send(method, path, { body, headers = {}, signal } = {}) {
  const typed = body === undefined ? {} : { "Content-Type": "application/json" };
  return answer(
    await fetch(apiUrl(path), {
      method,
      signal,
      headers: { Accept: "application/json", ...typed, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    }),
  );
}

export const post = (path, body, options = {}) => send("POST", path, { body, ...options });
export const patch = (path, body, options = {}) => send("PATCH", path, { body, ...options });
export const remove = (path, options = {}) => send("DELETE", path, options);

/** @param {Response} response */
async function answer(response) {
  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, problemOf(text, response));
  return text ? JSON.parse(text) : null;
}

function problemOf(text, response) {
  try {
    const problem = JSON.parse(text);
    if (problem && typeof problem === "object") return problem;
  } catch {
    // Not JSON: a proxy's page, or nothing. The status says enough.
  }
  return { title: response.statusText || `Error ${response.status}` };
}

/** Numbers that JSON lacks come as words. @param {unknown} value @returns {number | null} */
export function numberOf(value) {
  return value === null || value === undefined ? null : Number(value);
}
