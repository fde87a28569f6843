// The theme: auto (the system's), light or dark; kept in the local store, announced as "gradtide:theme".

const KEY = "gradtide.theme";
const GLYPHS = { auto: "◐", light: "☀", dark: "☾" };

/**
 * The theme after this one. From the system's first to the other, so that the first click changes what is seen; then to
 * the same as the system's, held; then back to the system's.
 * @param {string} theme @param {"light" | "dark"} system @returns {"auto" | "light" | "dark"}
 */
export function nextTheme(theme, system) {
  const other = system === "light" ? "dark" : "light";
  if (theme === other) return system;
  return theme === system ? "auto" : other;
}

/** @returns {"auto" | "light" | "dark"} what is chosen now */
export function chosenTheme() {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "auto";
}

/** @returns {"light" | "dark"} what is seen now */
export function seenTheme() {
  const chosen = chosenTheme();
  return chosen === "auto" ? systemTheme() : chosen;
}

function systemTheme() {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function apply(theme) {
  const root = document.documentElement;
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
}

let onScreen = null;

/** Paper is light, whatever the screen is. @param {boolean} isPaper */
export function setPaper(isPaper) {
  if (isPaper === (onScreen !== null)) return;
  const theme = onScreen ?? "light";
  onScreen = isPaper ? chosenTheme() : null;
  apply(theme);
  announce();
}

/** @param {string} theme */
export function setTheme(theme) {
  apply(theme);
  try {
    if (theme === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Not kept, but seen: the choice holds for this page.
  }
  const query = new URLSearchParams(location.search);
  if (query.has("theme")) {
    // A link that names a theme would undo the choice at the next reload.
    query.set("theme", theme);
    history.replaceState(history.state, "", `?${query}${location.hash}`);
  }
  announce();
}

/** Go on to the next theme. */
export function turnTheme() {
  setTheme(nextTheme(chosenTheme(), systemTheme()));
}

/** Call back with "light" or "dark" at every change of what is seen; figures repaint on it.
 * @param {(theme: "light" | "dark") => void} listener */
export function onTheme(listener) {
  document.addEventListener("gradtide:theme", () => listener(seenTheme()));
}

/** @param {HTMLButtonElement} button */
export function mountTheme(button) {
  const show = () => {
    const theme = chosenTheme();
    button.firstElementChild.textContent = GLYPHS[theme];
    button.setAttribute("aria-label", `Theme: ${theme}. Change to ${nextTheme(theme, systemTheme())}`);
    button.title = `Theme: ${theme} (T)`;
  };
  button.addEventListener("click", turnTheme);
  document.addEventListener("gradtide:theme", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
  show();
  delete button.dataset.waiting;
}

function announce() {
  document.dispatchEvent(new CustomEvent("gradtide:theme"));
}
