// What every page has: theme, keyboard help, menus. Pages import toasts, keyboard, dialog and live_pill themselves.
import { openHelp } from "./dialog.js";
import { mountKeyboard, shortcut } from "./keyboard.js";
import { mountMenus } from "./menus.js";
import { chosenTheme, mountTheme, nextTheme, setTheme } from "./theme.js";

const EVERYWHERE = { group: "Everywhere" };

mountKeyboard();
mountMenus();
mountTheme(document.querySelector("[data-shell=theme]"));

const help = document.querySelector("[data-shell=help]");
help.addEventListener("click", openHelp);
help.hidden = false;

const follow = (name) => () => document.querySelector(`[data-shortcut=${name}]`)?.click();
if (document.querySelector("[data-shortcut=new]")) shortcut("n", "New run", follow("new"), EVERYWHERE);
if (document.querySelector("[data-shortcut=compare]")) shortcut("c", "Compare", follow("compare"), EVERYWHERE);
shortcut("t", "Change the theme", () => setTheme(nextTheme(chosenTheme())), EVERYWHERE);
shortcut("?", "This list", openHelp, EVERYWHERE);
