// The tabs of the run page: one tab stop, arrows between them, and a shortcut from anywhere on the page.
import { shortcut } from "../shell/keyboard.js";

/**
 * @param {HTMLElement} page
 * @param {(tab: string) => void} choose
 * @returns {(tab: string) => void} shows which one is chosen
 */
export function mountTabs(page, choose) {
  const tabs = [...page.querySelectorAll("[data-tab]")];
  const chosen = () => tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  const go = (index) => {
    const tab = tabs[(index + tabs.length) % tabs.length];
    choose(tab.dataset.tab);
    return tab;
  };
  const moves = { ArrowLeft: () => chosen() - 1, ArrowRight: () => chosen() + 1, Home: () => 0, End: () => -1 };
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab.dataset.tab));
    tab.addEventListener("keydown", (event) => {
      if (!(event.key in moves) || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
      // On a tab these keys are the tabs': elsewhere they move the scrubber.
      event.preventDefault();
      go(moves[event.key]()).focus();
    });
  }
  shortcut(",", "Tab to the left", () => go(chosen() - 1));
  shortcut(".", "Tab to the right", () => go(chosen() + 1));
  return (name) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
      tab.tabIndex = tab.dataset.tab === name ? 0 : -1;
    }
    tabs[chosen()].scrollIntoView({ block: "nearest", inline: "nearest" });
  };
}
