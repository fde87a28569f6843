// A lesson: the guess and the weights stand in the address; what follows from them the server computes anew.
import { toastError } from "../shell/toasts.js";
import { newest } from "../wire/newest.js";
import { fetchPage, replaceParts } from "./page_parts.js";

const page = document.querySelector("[data-learn]");
const guess = page.querySelector("[data-guess]");
const weights = page.querySelector("[data-weights]");

const renew = newest(
  async () => {
    try {
      const newer = await fetchPage(location.href);
      if (newer) replaceParts(newer, page);
    } catch (error) {
      toastError(error);
    }
  },
  { interval: 0 },
);

function go(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) query.set(name, value);
  history.replaceState(null, "", `${location.pathname}?${query}`);
  renew();
}

guess.addEventListener("submit", (event) => {
  event.preventDefault();
  go({ guess: new FormData(guess).get("guess") });
});

weights?.addEventListener("submit", (event) => event.preventDefault());
weights?.addEventListener("input", (event) => {
  const { weight: letter } = event.target.dataset;
  if (!letter) return go({ activation: event.target.value });
  const values = [...weights.querySelectorAll(`[data-weight=${letter}]`)].map((input) => input.value);
  if (values.every((value) => value !== "" && Number.isFinite(Number(value)))) go({ [letter]: values.join(",") });
  return undefined;
});
