// @ts-check
/** The last hour as a small plot: grants above the line, ends below it, refusals as marks. Pure. */
import { h } from "./element.js";
import { mapWords } from "./map_words.js";

/**
 * @import { Activity } from "../../../src/lease/activity.ts"
 * @import { Element } from "./element.js"
 * @import { Texts } from "./english.js"
 */

/** Minutes that the plot has. */
const MINUTES = 60;
/** Units of the plot. */
const WIDTH = 720, HEIGHT = 144, LEFT = 64, TOP = 14, MIDDLE = 62, BOTTOM = 110, STEP = (WIDTH - LEFT - 4) / MINUTES;

/**
 * @param {Activity} activity
 * @param {Texts} texts
 * @returns {Element}
 */
export function activitySection(activity, texts) {
  const words = mapWords(texts);
  const { grants, releases, refusals } = activity;
  const sum = (/** @type {readonly number[]} */ counts) => counts.reduce((all, each) => all + each, 0);
  const summary = words.happened(sum(grants), sum(releases), sum(refusals), grants.length);
  return h(
    "section",
    { id: "activity", "aria-labelledby": "activity-title" },
    h("h2", { id: "activity-title" }, texts.lastHour),
    h("p", { id: "activity-summary" }, summary),
    plot(activity, summary, words),
    h(
      "ul",
      { class: "plot-legend", "aria-hidden": "true" },
      ["grants", "releases", "refusals"].map((kind) =>
        h("li", { class: kind }, words[/** @type {"grants" | "releases" | "refusals"} */ (kind)])
      ),
    ),
  );
}

/**
 * @param {Activity} activity
 * @param {string} summary
 * @param {import("./map_words.js").MapWords} words
 */
function plot({ grants, releases, refusals }, summary, words) {
  const most = Math.max(1, ...grants, ...releases);
  const at = (/** @type {number} */ i) => LEFT + (MINUTES - grants.length + i) * STEP;
  const height = (/** @type {number} */ count, /** @type {number} */ room) =>
    count === 0 ? 0 : Math.max(1.5, count / most * room);
  const bars = (/** @type {readonly number[]} */ counts, /** @type {"grants" | "releases"} */ kind) =>
    counts.map((count, i) => {
      if (count === 0) return null;
      const tall = height(count, kind === "grants" ? MIDDLE - TOP : BOTTOM - MIDDLE);
      const y = kind === "grants" ? MIDDLE - tall : MIDDLE;
      return h("rect", { class: kind, x: round(at(i) + 1), y: round(y), width: round(STEP - 2), height: round(tall) });
    });
  const label = (
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {string} */ anchor,
    /** @type {string} */ text,
  ) => h("text", { x, y, "text-anchor": anchor }, text);
  return h(
    "svg",
    { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary },
    h("path", { class: "grid", d: `M${LEFT} ${TOP}H${WIDTH - 4}M${LEFT} ${BOTTOM}H${WIDTH - 4}` }),
    bars(grants, "grants"),
    bars(releases, "releases"),
    h("path", { class: "axis", d: `M${LEFT} ${MIDDLE}H${WIDTH - 4}` }),
    refusals.map((count, i) => {
      const middle = round(at(i) + STEP / 2);
      return count === 0 ? null : h("path", { class: "refusals", d: `M${middle} 2l4.5 8h-9Z` });
    }),
    label(LEFT - 6, TOP + 6, "end", compact(most)),
    label(LEFT - 6, MIDDLE + 4, "end", "0"),
    label(LEFT, HEIGHT - 10, "start", words.ago(MINUTES)),
    label(LEFT + 30 * STEP, HEIGHT - 10, "middle", words.ago(MINUTES / 2)),
    label(WIDTH - 4, HEIGHT - 10, "end", words.now),
  );
}

/** A number in a few characters: 3002 is 3k. @param {number} number */
function compact(number) {
  return number < 1000 ? String(number) : `${Math.round(number / 1000)}k`;
}

/** @param {number} number */
function round(number) {
  return Math.round(number * 10) / 10;
}
