// An address may name a panel (#panel-decay): a verdict's evidence leads to its figure. Its tab is hidden until the
// script has read the address, so the browser's own jump comes too early.

/** The name of the panel in an address. @param {string} hash @returns {string} "" where there is none */
export function panelIn(hash) {
  return /^#panel-(\w+)$/.exec(hash)?.[1] ?? "";
}

/** @param {{name: string, section: HTMLElement, plot: HTMLElement}[]} panels @param {Location} [place] */
export function showNamed(panels, place = location) {
  const found = panels.find((panel) => panel.name === panelIn(place.hash));
  if (!found || found.section.closest("[hidden]")) return;
  found.section.scrollIntoView({ block: "center" });
  found.plot.focus({ preventScroll: true });
}
