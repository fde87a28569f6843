// Dialogs: the help overlay, the question before what cannot be undone, and sheets of what a page holds besides.
import { shortcuts } from "./keyboard.js";

const SHOWN = { Space: "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };

/** @param {string} key as keyboard.js names it @returns {string[]} its caps */
export function keyCaps(key) {
  return key.split("+").map((part) => SHOWN[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}

/** Open the list of shortcuts. */
export function openHelp() {
  const list = element("dl", "keys");
  let group = "";
  for (const entry of shortcuts()) {
    if (entry.group !== group) {
      group = entry.group;
      const head = element("dt", "keys-group", group);
      list.append(head, element("dd", "visually-hidden", "group"));
    }
    const keys = element("dd");
    for (const key of entry.keys) for (const cap of keyCaps(key)) keys.append(element("kbd", "", cap));
    list.append(element("dt", "", entry.title), keys);
  }
  const words = element("p");
  const glossary = element("a", "", "Glossary: what the words on the pages mean");
  glossary.href = "/glossary";
  words.append(glossary);
  const api = element("p", "small");
  const link = element("a", "", "The same over HTTP: the REST interface");
  link.href = "/docs";
  api.append(link);
  open("Words and keyboard shortcuts", [words, list, api], [{ text: "Close", value: "close" }]);
}

/**
 * Ask before something irreversible, or long.
 * @param {{title: string, text: string, yes: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirmAction({ title, text, yes, danger = true }) {
  return open(title, [element("p", "", text)], [
    { text: danger ? "Keep" : "Not now", value: "no" },
    { text: yes, value: "yes", danger },
  ]).then((value) => value === "yes");
}

/**
 * A sheet over the page: something to read, with what can be done with it beside Close.
 * @param {string} label @param {string} title @param {Element[]} content @param {Element[]} [offers]
 * @returns {HTMLDialogElement} shown already, and gone once closed
 */
export function openSheet(label, title, content, offers = []) {
  const dialog = element("dialog", "dialog table-dialog");
  dialog.setAttribute("aria-label", label);
  const body = element("div", "dialog-body");
  const foot = element("form", "dialog-actions");
  foot.method = "dialog";
  foot.append(...offers, element("button", "button", "Close"));
  body.append(element("h2", "", title), ...content, foot);
  dialog.append(body);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return dialog;
}

function open(title, content, actions) {
  const dialog = element("dialog", "dialog");
  const form = element("form", "dialog-body");
  form.method = "dialog";
  const head = element("h2", "", title);
  head.id = "dialog-title";
  dialog.setAttribute("aria-labelledby", head.id);
  const buttons = element("div", "dialog-actions");
  for (const action of actions) {
    const button = element("button", action.danger ? "button button--danger" : "button", action.text);
    button.value = action.value;
    buttons.append(button);
  }
  form.append(head, ...content, buttons);
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close("");
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/** @param {string} tag @returns {HTMLElement} */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
