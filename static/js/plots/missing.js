// What a run did not record, another one can: the way there, beside the words of an empty panel.

/**
 * @param {HTMLElement} section `[data-panel]` @param {string | undefined} missing a statistic
 * @returns {HTMLAnchorElement[]} a link, or none where nothing is missing or there is no run to repeat
 */
export function offerOf(section, missing) {
  const { from } = section.dataset;
  if (!missing || !from) return [];
  const link = document.createElement("a");
  // With the panels beside it, so that one more run fills all that are seen together.
  const beside = (section.closest("[data-unrecorded]")?.dataset.unrecorded ?? "").split(" ").filter(Boolean);
  const all = [...new Set([missing, ...beside])];
  link.href = `/runs/new?${new URLSearchParams([["from", from], ...all.map((name) => ["record", name])])}`;
  link.textContent = all.length > 1 ? "Run it again and record all of this tab" : "Run it again and record this";
  return [link];
}
