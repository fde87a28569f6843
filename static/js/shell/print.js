// A page on paper: light, with every figure drawn, each in the size that it has on the screen: the paper is as wide as the
// widest needs.
import { setPaper } from "./theme.js";

/** What a page leaves at both sides of a card, and the lines of the card. */
const AROUND = 26;
const LEAST = 800;
const PATIENCE_MS = 5000;
const LOOK_MS = 50;

const isComing = () => [...document.querySelectorAll("[data-state=loading]")].some((panel) => panel.checkVisibility());

/** What was not looked at yet is asked for first: the browser's own command does not wait for it. */
async function printWhole() {
  window.dispatchEvent(new Event("beforeprint"));
  const started = performance.now();
  while (isComing() && performance.now() - started < PATIENCE_MS) await new Promise((done) => setTimeout(done, LOOK_MS));
  window.print();
}

export function mountPrint() {
  const paper = new CSSStyleSheet();
  document.adoptedStyleSheets.push(paper);
  window.addEventListener("beforeprint", () => {
    const widths = [...document.querySelectorAll("[data-plot]")].map((plot) => plot.offsetWidth);
    const width = Math.max(LEAST, ...widths.map((one) => one + AROUND));
    paper.replaceSync(widths.length ? `@page { size: ${width}px ${Math.round(width * Math.SQRT2)}px; margin: 0; }` : "");
    setPaper(true);
  });
  window.addEventListener("afterprint", () => setPaper(false));
  document.addEventListener("keydown", (event) => {
    const isPrint = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key === "p";
    if (!isPrint) return;
    event.preventDefault();
    printWhole();
  });
}
