// Where the figures of a run and their numbers are: which step, layer, parameter and gate each of them asks for.
import { dataAddress } from "../plots/panel_menu.js";
import { layerInAddress } from "../state/url_state.js";
import { apiUrl } from "../wire/api.js";

/**
 * @typedef {{frames: "all" | "one" | "one and latest", chooses: string[], statistic: string, axes: string[], picked: boolean}} Facts
 * @param {{id: string, figures: Record<string, Facts>}} run
 * @param {{view: () => object, layer: () => string}} chosen what the reader chose
 */
export function createFigures(run, { view, layer }) {
  const ofAllSteps = (name) => run.figures[name].frames === "all";
  // One loss is the last and all of them: there is nothing to choose, and nothing to ask for.
  const losses = () => (run.asked > 1 ? (view().losses ?? "last") : null);
  const choice = (name) => Object.fromEntries(run.figures[name].chooses.map((axis) => [axis, axis === "losses" ? losses() : view()[axis]]));

  function query(name) {
    return { layer: layerInAddress(layer()), step: ofAllSteps(name) ? null : view().step, ...choice(name) };
  }

  return {
    ofAllSteps,
    query,
    losses,
    /** Whether the line at the chosen step is drawn over the figure: where all steps are seen. */
    withCursor: ofAllSteps,
    /** Whether a click or drag on the figure chooses the step; over lines one zooms instead. */
    picked: (name) => run.figures[name].picked,
    address(name) {
      const asked = query(name);
      const family = `/runs/${run.id}/figures`;
      return { path: `${family}/${name}`, query: asked, final: asked.step !== null, family, name };
    },
    /** The numbers that a figure is drawn from. */
    data(name, format) {
      const { losses: which, ...coordinates } = choice(name);
      const { statistic, axes } = which === "last" ? run.of_last : run.figures[name];
      const step = ofAllSteps(name) ? null : (view().step ?? "last");
      const own = axes.includes("layer") ? { layer: layer() } : {};
      return dataAddress(run.id, statistic, { step, ...own, ...coordinates, format });
    },
    /** The figure as a file. */
    page(name) {
      const { mode, range } = view();
      return apiUrl(`/runs/${run.id}/figures/${name}`, { ...query(name), mode, range, format: "html" });
    },
  };
}
