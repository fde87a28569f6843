// What every page has: theme, keyboard help, menus, paper. Pages import toasts, keyboard, dialog and live_pill themselves.
import { openHelp } from "./dialog.js";
import { mountKeyboard, shortcut } from "./keyboard.js";
import { mountMenus } from "./menus.js";
import { mountPrint } from "./print.js";
import { mountTheme, turnTheme } from "./theme.js";

const EVERYWHERE = { group: "Everywhere" };

mountKeyboard();
mountMenus();
mountPrint();
mountTheme(document.querySelector("[data-shell=theme]"));

const help = document.querySelector("[data-shell=help]");
help.addEventListener("click", openHelp);
delete help.dataset.waiting;

// The page's own control goes before the bar's: it may know what to compare.
const follow = (name) => () => {
  const controls = [...document.querySelectorAll(`[data-shortcut=${name}]`)];
  controls.reverse().find((control) => !control.disabled)?.click();
};
shortcut("n", "New run", follow("new"), EVERYWHERE);
shortcut("c", "Compare", follow("compare"), EVERYWHERE);
shortcut("t", "Change the theme", turnTheme, EVERYWHERE);
shortcut("?", "This list", openHelp, EVERYWHERE);
