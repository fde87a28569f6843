// What the one scrubber of a comparison moves along: the training step, or the loss, at which runs of different speed
// can be told from runs of different nature.
import { heatmapOf } from "../plots/cells.js";
import { indexOfStep, recordedSteps } from "../plots/scrubber.js";
import { short } from "../plots/words.js";
import { numberOf } from "../wire/api.js";

const LEVELS = 50;
// A level is made of logarithms: what it was made of must still be at it.
const ROUNDING = 1 + 1e-9;

/** Losses to scrub along, from where runs begin down to the lowest of all. @param {number[][]} losses of each run, frame by frame */
export function levelsOf(losses) {
  const starts = losses.map((all) => all.find(usable)).filter((value) => value !== undefined);
  const lowest = Math.min(...losses.flat().filter(usable));
  if (!starts.length) return [];
  const highest = Math.max(...starts, lowest);
  const fall = Math.log(lowest / highest);
  const count = fall ? LEVELS : 1;
  const inner = Array.from({ length: count - 1 }, (_, i) => highest * Math.exp((fall * i) / (count - 1)));
  return [...inner, lowest];
}

/** The first frame at which a run is as good as a level; null where it never is. @param {number[]} steps @param {number[]} losses */
export function stepAt(steps, losses, level) {
  const at = losses.findIndex((loss) => usable(loss) && loss <= level * ROUNDING);
  return at < 0 ? null : steps[at];
}

const usable = (loss) => Number.isFinite(loss) && loss > 0;

/** @param {{get: () => object, set: (changes: object) => void}} state of the comparison's view @param {{id: string, every: number}[]} runs */
export function createCourse(state, runs) {
  const recorded = new Map();
  let levels = [];
  const byLoss = () => state.get().align === "loss";
  const last = (steps) => steps[steps.length - 1] ?? null;
  const levelOf = () => (state.get().loss === null ? last(levels) : state.get().loss);
  const reachedAt = (run) => {
    const own = recorded.get(run.id);
    const step = own && levelOf() !== null ? stepAt(own.columns, own.losses, levelOf()) : null;
    return step === null ? null : own.steps[indexOfStep(own.steps, step)];
  };

  return {
    byLoss,
    /** Take what a run's own heatmap brings: its recorded steps, and the loss at each. */
    put(run, figure) {
      const { latest, recent_losses: losses = [] } = figure.layout.meta;
      if (latest === undefined || latest === null) return false;
      const columns = Array.from(heatmapOf(figure)?.x ?? []);
      recorded.set(run.id, { steps: recordedSteps(run.every, latest), columns, losses: losses.map(numberOf).map(Number) });
      levels = levelsOf([...recorded.values()].map((one) => one.losses));
      return true;
    },
    /** Where the scrubber can stand: steps that any run has recorded, or the numbers of the levels. */
    positions: () => (byLoss() ? levels.map((_, i) => i) : [...new Set([...recorded.values()].flatMap((one) => one.steps))].sort((a, b) => a - b)),
    position() {
      const { step, loss } = state.get();
      if (!byLoss()) return step;
      return loss === null ? null : Math.max(levels.findIndex((level) => level <= loss * ROUNDING), 0);
    },
    words: (position) => (byLoss() ? `loss ${short(levels[position] ?? null)}` : String(position)),
    /** @param {number | null} position null: where each run is now */
    choose(position) {
      state.set(byLoss() ? { loss: position === null ? null : levels[position] } : { step: position });
    },
    /** The position at which a run shows a step of its own. */
    positionOf(run, step) {
      if (!byLoss()) return step;
      const own = recorded.get(run.id);
      const loss = own?.losses[indexOfStep(own.columns, step)];
      const at = levels.findIndex((level) => level <= loss * ROUNDING);
      return at < 0 ? null : at;
    },
    /** The recorded step of one run for what is chosen for all; its last where it never gets there. */
    stepOf(run) {
      const steps = recorded.get(run.id)?.steps ?? [];
      if (byLoss()) return reachedAt(run) ?? last(steps);
      return steps[indexOfStep(steps, state.get().step)] ?? null;
    },
    reached: (run) => !byLoss() || !recorded.has(run.id) || reachedAt(run) !== null,
    /** What a figure of all runs is asked with; a map of the training has what the scrubber moves along. @param {boolean} isMap */
    query(isMap) {
      if (isMap) return byLoss() ? { align: "loss" } : {};
      if (!byLoss()) return { step: state.get().step };
      return { of_step: runs.map((run) => this.stepOf(run) ?? 0) };
    },
  };
}
