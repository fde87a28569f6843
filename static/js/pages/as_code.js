// A run's configuration as code: JSON, a call with curl, Python, and the same network in PyTorch.
import { element, openSheet } from "../shell/dialog.js";
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
  const formats = element("div", "segmented");
  formats.setAttribute("role", "group");
  formats.setAttribute("aria-label", "Shown as");
  const code = element("pre", "code table-scroll");
  code.tabIndex = 0;
  for (const [title, text] of FORMATS) {
    const button = element("button", "", title);
    button.type = "button";
    button.addEventListener("click", () => {
      code.textContent = text(config);
      for (const other of formats.children) other.setAttribute("aria-pressed", String(other === button));
    });
    formats.append(button);
  }
  const copy = element("button", "button button--primary", "Copy");
  copy.type = "button";
  copy.addEventListener("click", () => navigator.clipboard.writeText(code.textContent).then(() => toast("Copied."), toastError));
  openSheet("The configuration as code", "As code", [formats, code], [copy]);
  formats.firstElementChild.click();
}
