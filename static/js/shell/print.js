// A figure keeps on paper the size that it has on the screen: the paper is as wide as the widest needs.

/** What a page leaves at both sides of a card, and the lines of the card. */
const AROUND = 26;
const LEAST = 800;

export function mountPrint() {
  const paper = new CSSStyleSheet();
  document.adoptedStyleSheets.push(paper);
  window.addEventListener("beforeprint", () => {
    const widths = [...document.querySelectorAll("[data-plot]")].map((plot) => plot.offsetWidth);
    const width = Math.max(LEAST, ...widths.map((one) => one + AROUND));
    paper.replaceSync(widths.length ? `@page { size: ${width}px ${Math.round(width * Math.SQRT2)}px; margin: 0; }` : "");
  });
}
