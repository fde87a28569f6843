// Parts of a page that the server writes: fetched anew for the address as it is now, and put in place.

/**
 * @param {string} address of the page
 * @returns {Promise<Document | null>} null where the service did not answer with a page
 */
export async function fetchPage(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (!response.ok) return null;
  // Parsed as a document of its own, in which nothing runs; the text is our own server's, escaped there.
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Replace every `[data-part]` by its newer self, but for what the reader holds open. @param {Document} newer @param {ParentNode} [here] */
export function replaceParts(newer, here = document) {
  for (const part of here.querySelectorAll("[data-part]")) {
    const found = newer.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!found || part.isEqualNode(found) || part.querySelector("details[open]")) continue;
    part.replaceChildren(...[...found.childNodes].map((node) => document.importNode(node, true)));
  }
}

/** Fetch this page anew and put its parts in place; where the service is away the pill says so. @returns {Promise<void>} */
export async function refreshParts() {
  try {
    const newer = await fetchPage(location.pathname + location.search);
    if (newer) replaceParts(newer);
  } catch {
    // The parts are fetched anew when the service is back.
  }
}
