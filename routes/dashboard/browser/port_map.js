// @ts-check
/** The map of all ports without its picture: what stands around it, and the same as a table. Pure. */
import { count } from "./english.js";
import { h } from "./element.js";
import { mapWords } from "./map_words.js";

/**
 * @import { MapState, PortMap } from "../../../src/inspect/port_map.ts"
 * @import { Protocol } from "../../../src/port/port.ts"
 * @import { Element } from "./element.js"
 * @import { Texts } from "./english.js"
 * @typedef {"system" | "other" | "pool" | "ephemeral"} RangeKind
 * @typedef {{ readonly first: number, readonly last: number, readonly kind: RangeKind }} Segment
 */

export const PORTS = 65_536;

/** States that are marked in the picture, the strongest last. @type {readonly MapState[]} */
export const MARKED = ["used", "leased", "listening", "conflict"];

/** Every other state that the legend has. @type {readonly MapState[]} */
const GROUND = ["pool", "quarantined", "excluded", "ephemeral", "free"];

/**
 * The runs of one protocol: ranges of ports in one state, ascending.
 *
 * @param {PortMap} map
 * @param {Protocol} protocol
 */
export function runsOf(map, protocol) {
  /** @type {Map<string, MapState>} */
  const states = new Map(
    Object.entries(map.letters).map(([state, letter]) => [letter, /** @type {MapState} */ (state)]),
  );
  let first = 0;
  return [...map[protocol].matchAll(/(\d+)([a-z])/g)].map(([, length, letter]) => {
    const run = { first, last: first + Number(length) - 1, state: states.get(String(letter)) ?? "none" };
    first = run.last + 1;
    return run;
  });
}

/**
 * The ports in a few ranges, by what they are for; together they are all ports.
 *
 * @param {PortMap} map
 * @returns {readonly Segment[]}
 */
export function segmentsOf({ pool, ephemeral, unprivilegedFrom }) {
  const within = (/** @type {number} */ port, /** @type {PortMap["pool"]} */ ranges) =>
    ranges.some(({ first, last }) => port >= first && port <= last);
  /** @param {number} port @returns {RangeKind} */
  const kindOf = (port) =>
    within(port, pool) ? "pool" : within(port, ephemeral) ? "ephemeral" : port < unprivilegedFrom ? "system" : "other";
  const starts = new Set([
    0,
    unprivilegedFrom,
    ...[...pool, ...ephemeral].flatMap(({ first, last }) => [first, last + 1]),
  ]);
  const sorted = [...starts].filter((port) => port < PORTS).sort((a, b) => a - b);
  return sorted.map((first, i) => ({ first, last: (sorted[i + 1] ?? PORTS) - 1, kind: kindOf(first) }));
}

/**
 * The section, with an empty place for the picture. Without scripts it has the legend and the table.
 *
 * @param {PortMap} map
 * @param {Texts} texts
 * @returns {Element}
 */
export function mapSection(map, texts) {
  const words = mapWords(texts);
  return h(
    "section",
    { id: "map", "aria-labelledby": "map-title" },
    h(
      "div",
      { class: "bar" },
      h("h2", { id: "map-title" }, texts.map),
      h("div", { class: "tools scripted" }, protocolField(words), portField(words)),
    ),
    h("p", { class: "hint scripted" }, words.hint),
    h(
      "div",
      { id: "map-frame", class: "scripted" },
      h("div", { id: "map-ports", "aria-hidden": "true" }),
      h(
        "div",
        {
          id: "map-picture",
          role: "application",
          tabindex: 0,
          "aria-label": words.picture,
          "aria-describedby": "map-keys",
        },
        h("canvas", { "aria-hidden": "true" }),
      ),
      h("div", { id: "map-names", "aria-hidden": "true" }),
    ),
    h("p", { id: "map-keys", class: "unseen" }, words.keys),
    h("p", { id: "map-readout", class: "scripted", role: "status" }),
    mapLegend(map, "tcp", texts),
    mapTable(map, texts, true),
  );
}

/** @param {import("./map_words.js").MapWords} words */
function protocolField(words) {
  const option = (/** @type {Protocol} */ protocol) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name: "map-protocol", value: protocol, checked: protocol === "tcp" }),
      protocol.toUpperCase(),
    );
  return h("div", { role: "radiogroup", "aria-label": words.protocol, class: "choice" }, option("tcp"), option("udp"));
}

/** @param {import("./map_words.js").MapWords} words */
function portField(words) {
  return h(
    "form",
    { id: "map-go" },
    h(
      "label",
      {},
      h("span", {}, words.goTo),
      h("input", { type: "number", name: "port", min: 1, max: PORTS - 1, required: true, inputmode: "numeric" }),
    ),
    h("button", { type: "submit" }, words.show),
  );
}

/**
 * What each mark means, and how many ports it has.
 *
 * @param {PortMap} map
 * @param {Protocol} protocol
 * @param {Texts} texts
 * @returns {Element}
 */
export function mapLegend(map, protocol, texts) {
  const words = mapWords(texts);
  const counts = map.counts[protocol];
  const isRare = (/** @type {MapState} */ state) => state === "quarantined" || state === "excluded";
  const shown = [...[...MARKED].reverse(), ...GROUND].filter((state) => counts[state] > 0 || !isRare(state));
  const usable = map.usable?.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return h(
    "ul",
    { id: "map-legend" },
    shown.map((state) => item(state, words.states[state], counts[state])),
    usable === undefined ? null : item("usable", words.usable, usable),
  );
}

/** @param {MapState | "usable"} kind @param {string} text @param {number} number */
function item(kind, text, number) {
  return h("li", {}, swatch(kind), h("span", {}, text, " "), h("strong", {}, count(number)));
}

/** The paths of the marks, in a square of 14. */
const SHAPES = {
  used: "M7 1.5 12.5 7 7 12.5 1.5 7Z",
  leased: "M7 2.5a4.5 4.5 0 1 0 .01 0Z",
  listening: "M7 2a5 5 0 1 0 .01 0Z",
  conflict: "M7 1.5 13 12.5 1 12.5Z",
};

/** @param {MapState | "usable"} kind */
function swatch(kind) {
  const shape = kind in SHAPES ? SHAPES[/** @type {keyof typeof SHAPES} */ (kind)] : null;
  return h(
    "svg",
    { class: `swatch ${kind}`, viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" },
    shape === null
      ? h("rect", { x: 0.5, y: 0.5, width: 13, height: 13, rx: 1.5 })
      : h("path", { d: shape, class: "shape" }),
    kind === "ephemeral" ? h("path", { d: "M0 10 10 0M4 14 14 4", class: "hatch" }) : null,
    kind === "excluded" ? h("path", { d: "M2 2 12 12M12 2 2 12", class: "hatch" }) : null,
    kind === "quarantined" ? h("path", { d: "M4 1V13M10 1V13", class: "hatch" }) : null,
  );
}

/**
 * The ranges with what is in them.
 *
 * @param {PortMap} map
 * @param {Texts} texts
 * @param {boolean} isOpen is true where there is no picture.
 * @returns {Element}
 */
export function mapTable(map, texts, isOpen) {
  const words = mapWords(texts);
  const { tableHeads: heads } = words;
  const runs = { tcp: runsOf(map, "tcp"), udp: runsOf(map, "udp") };
  /** @param {Segment} segment @param {readonly MapState[]} states */
  const number = (segment, states) =>
    words.both(portsIn(runs.tcp, segment, states), portsIn(runs.udp, segment, states));
  return h(
    "details",
    { id: "map-table", open: isOpen },
    h("summary", {}, words.table),
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, Object.values(heads).map((head) => h("th", { scope: "col" }, head)))),
      h(
        "tbody",
        {},
        segmentsOf(map).map((segment) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, `${segment.first}–${segment.last}`),
            h("td", {}, words.ranges[segment.kind]),
            h("td", { "data-label": heads.leased }, number(segment, ["leased", "listening", "conflict"])),
            h("td", { "data-label": heads.used }, number(segment, ["used"])),
            h("td", { "data-label": heads.conflict }, number(segment, ["conflict"])),
            h("td", { "data-label": heads.pool }, number(segment, ["pool"])),
          )
        ),
      ),
    ),
  );
}

/**
 * @param {ReturnType<typeof runsOf>} runs
 * @param {Segment} segment
 * @param {readonly MapState[]} states
 */
function portsIn(runs, segment, states) {
  let ports = 0;
  for (const { first, last, state } of runs) {
    if (!states.includes(state)) continue;
    ports += Math.max(0, Math.min(last, segment.last) - Math.max(first, segment.first) + 1);
  }
  return ports;
}
