// A run's configuration as code: JSON, a call with curl, Python, and the same network in PyTorch.
import { toast, toastError } from "../shell/toasts.js";
import { getJson } from "../wire/api.js";
import { curlText, jsonText, pythonText } from "./snippets.js";
import { torchText } from "./torch_script.js";

const FORMATS = [
  ["JSON", jsonText],
  ["curl", (config) => curlText(config, location.origin)],
  ["Python", pythonText],
  ["PyTorch", torchText],
];

/** Open the dialog. @param {string} run */
export async function openCode(run) {
  const { config } = await getJson(`/runs/${run}`);
  const dialog = make("dialog", "dialog table-dialog");
  dialog.setAttribute("aria-label", "The configuration as code");
  const body = make("div", "dialog-body");
  const formats = make("div", "segmented");
  formats.setAttribute("role", "group");
  formats.setAttribute("aria-label", "Shown as");
  const code = make("pre", "code table-scroll");
  code.tabIndex = 0;
  for (const [title, text] of FORMATS) {
    const button = make("button", "", title);
    button.type = "button";
    button.addEventListener("click", () => {
      code.textContent = text(config);
      for (const other of formats.children) other.setAttribute("aria-pressed", String(other === button));
    });
    formats.append(button);
  }
  const foot = make("form", "dialog-actions");
  foot.method = "dialog";
  const copy = make("button", "button button--primary", "Copy");
  copy.type = "button";
  copy.addEventListener("click", () => navigator.clipboard.writeText(code.textContent).then(() => toast("Copied."), toastError));
  foot.append(copy, make("button", "button", "Close"));
  body.append(make("h2", "", "As code"), formats, code, foot);
  dialog.append(body);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  formats.firstElementChild.click();
  dialog.showModal();
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
