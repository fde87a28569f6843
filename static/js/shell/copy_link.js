// The address of what is shown, to be passed on.
import { toast } from "./toasts.js";

/** @param {string} [address] this page's as it is now, unless another is meant */
export async function copyLink(address = location.href) {
  await navigator.clipboard.writeText(address);
  toast("Link copied: it opens this very view.");
}
