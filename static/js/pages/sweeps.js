// The list of sweeps: how far each is, told anew while its runs begin and end.
import { newest } from "../wire/newest.js";
import { followRuns } from "./live_runs.js";
import { refreshParts } from "./page_parts.js";

const REFRESH_MS = 1000;
const refresh = newest(refreshParts, { interval: REFRESH_MS });

followRuns([], {
  onEvent(kind) {
    if (kind === "status" || kind === "end") refresh();
  },
  onLive: refresh,
});
