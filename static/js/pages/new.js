// The form of a new run: bounds while typing, the configuration in the address and as text, and the start.
import { shortcut } from "../shell/keyboard.js";
import { toast, toastError } from "../shell/toasts.js";
import { post } from "../wire/api.js";
import { clearProblems, fieldsOf, recountProblems, showChosen, showProblem, showProblems } from "./form_fields.js";
import { configOf, problemOf } from "./form_values.js";
import { curlText, jsonText, pythonText } from "./snippets.js";
import { torchText } from "./torch_script.js";

const ADDRESS_MS = 300;
const TEXTS = { json: jsonText, curl: (config) => curlText(config, location.origin), python: pythonText, torch: torchText };

const form = document.querySelector("[data-new-run]");
const start = form.querySelector("[data-start]");
const formats = form.querySelector("[data-formats]");
const output = form.querySelector("[data-text]");
let format = "json";
let addressTimer = 0;

const config = () => configOf(fieldsOf(form).map(({ entry }) => entry));

function showOutput() {
  output.textContent = TEXTS[format](config());
}

function keepInAddress() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => {
    const query = new URLSearchParams({ config: JSON.stringify(config()) });
    history.replaceState(null, "", `${location.pathname}?${query}`);
  }, ADDRESS_MS);
}

function check(element) {
  const found = fieldsOf(form).find((one) => one.element === element);
  if (found) showProblem(element.closest("[data-field]"), problemOf(found.entry));
}

form.noValidate = true;
form.addEventListener("input", (event) => {
  showChosen(form);
  check(event.target);
  recountProblems(form);
  showOutput();
  keepInAddress();
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (start.getAttribute("aria-busy") === "true") return;
  clearProblems(form);
  const problems = fieldsOf(form).map(({ entry }) => ({ pointer: entry.pointer, detail: problemOf(entry) }));
  const found = problems.filter(({ detail }) => detail);
  if (found.length) {
    showProblems(form, found);
    return;
  }
  start.setAttribute("aria-busy", "true");
  try {
    const run = await post("/runs", config());
    location.assign(`/runs/${run.id}`);
  } catch (error) {
    start.removeAttribute("aria-busy");
    if (error.errors?.length) showProblems(form, error.errors);
    else toastError(error);
  }
});
// Coming back with Back shows the page as it was left, the button included.
window.addEventListener("pageshow", () => start.removeAttribute("aria-busy"));

formats.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-format]");
  if (!chosen) return;
  format = chosen.dataset.format;
  for (const button of formats.children) button.setAttribute("aria-pressed", String(button === chosen));
  showOutput();
});
const copy = form.querySelector("[data-copy]");
copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(output.textContent);
    toast("Copied.");
  } catch {
    toast("This browser does not let pages copy: mark the text and copy it.", { danger: true });
  }
});

for (const control of [formats, copy]) delete control.dataset.waiting;
showChosen(form);
showOutput();
shortcut("Shift+Enter", "Start the run", () => form.requestSubmit());
