/** Paints the map of all ports: the ground as runs of cells, marks for the ports in use, the place of the cursor. */
import { MARKED, PORTS, runsOf } from "./port_map.js";

/**
 * @import { MapState, PortMap } from "../../../src/inspect/port_map.ts"
 * @import { PortRange, Protocol } from "../../../src/port/port.ts"
 */

/**
 * @typedef {object} Grid Lengths are in CSS pixels.
 * @property {number} columns how many ports a row has.
 * @property {number} rows
 * @property {number} width
 * @property {number} height
 * @property {number} scale device pixels of a CSS pixel.
 */

/** Wide pictures have rows of 512 ports, so that a cell is large enough to be pointed at. */
const WIDE = 620, WIDE_COLUMNS = 512, NARROW_COLUMNS = 256, LEAST_ROW = 1.3, WIDE_ROW = 2.5;
/** So many marks of one state at most have this size; more of them would cover each other, so each is its cell. */
const MARK_SIZES = /** @type {const} */ ([[60, 10], [200, 8], [600, 6]]);

/** @param {number} width @returns {Grid} */
export function gridOf(width) {
  const columns = width >= WIDE ? WIDE_COLUMNS : NARROW_COLUMNS;
  const rows = PORTS / columns;
  const height = Math.round(rows * (width >= WIDE ? WIDE_ROW : Math.max(LEAST_ROW, width / columns)));
  return { columns, rows, width, height, scale: Math.max(1, globalThis.devicePixelRatio) };
}

/** The middle of a port's cell. @param {Grid} grid @param {number} port */
export function placeOf({ columns, rows, width, height }, port) {
  return {
    x: (port % columns + 0.5) / columns * width,
    y: (Math.floor(port / columns) + 0.5) / rows * height,
  };
}

/** The port at a place. @param {Grid} grid @param {number} x @param {number} y */
export function portAt({ columns, rows, width, height }, x, y) {
  const within = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(most - 1, Math.max(0, value));
  return within(Math.floor(y / height * rows), rows) * columns + within(Math.floor(x / width * columns), columns);
}

/** The colours, as the style sheet has them for this theme. @param {Element} element */
function coloursOf(element) {
  const style = getComputedStyle(element);
  return (/** @type {string} */ name) => style.getPropertyValue(`--map-${name}`).trim();
}

/**
 * Paints everything but the cursor.
 *
 * @param {HTMLCanvasElement} canvas gets the size of the grid.
 * @param {PortMap} map
 * @param {Protocol} protocol
 * @param {Grid} grid
 */
export function paintMap(canvas, map, protocol, grid) {
  canvas.width = Math.round(grid.width * grid.scale);
  canvas.height = Math.round(grid.height * grid.scale);
  const brush = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const colour = coloursOf(canvas);
  const runs = runsOf(map, protocol);
  const fills = new Map([
    ["ephemeral", hatch(brush, colour, grid, "/")],
    ["excluded", hatch(brush, colour, grid, "x")],
    [
      "quarantined",
      hatch(brush, colour, grid, "|"),
    ],
  ]);
  for (const run of runs) {
    const isMarked = MARKED.includes(run.state);
    brush.fillStyle = fills.get(run.state) ?? colour(isMarked ? "pool" : run.state === "none" ? "free" : run.state);
    fillCells(brush, grid, run);
  }
  brush.strokeStyle = colour("usable");
  brush.lineWidth = Math.max(1, grid.scale);
  for (const range of map.usable ?? []) strokeCells(brush, grid, range);
  paintMarks(brush, runs, grid, colour);
}

/**
 * A pattern that tells a ground from others without its colour.
 *
 * @param {CanvasRenderingContext2D} brush
 * @param {(name: string) => string} colour
 * @param {Grid} grid
 * @param {"/" | "x" | "|"} lines
 */
function hatch(brush, colour, { scale }, lines) {
  const name = { "/": "ephemeral", "x": "excluded", "|": "quarantined" }[lines];
  const size = Math.round(6 * scale);
  const tile = new OffscreenCanvas(size, size);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext("2d"));
  pen.fillStyle = colour(name);
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = colour("hatch");
  pen.lineWidth = scale;
  pen.beginPath();
  if (lines === "|") {
    pen.moveTo(size / 2, 0);
    pen.lineTo(size / 2, size);
  } else {
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift - 1, size + 1);
      pen.lineTo(shift + size + 1, -1);
      if (lines === "x") {
        pen.moveTo(shift - 1, -1);
        pen.lineTo(shift + size + 1, size + 1);
      }
    }
  }
  pen.stroke();
  return /** @type {CanvasPattern} */ (brush.createPattern(tile, "repeat"));
}

/** The parts of a range, one for each row of the grid, in device pixels. @param {Grid} grid @param {PortRange} range */
function* rowsOf({ columns, rows, width, height, scale }, { first, last }) {
  for (let from = first; from <= last;) {
    const row = Math.floor(from / columns), to = Math.min(last, (row + 1) * columns - 1);
    const x = Math.round((from % columns) / columns * width * scale);
    const y = Math.round(row / rows * height * scale);
    const right = Math.round((to % columns + 1) / columns * width * scale);
    const bottom = Math.round((row + 1) / rows * height * scale);
    yield [x, y, right - x, bottom - y];
    from = to + 1;
  }
}

/** @param {CanvasRenderingContext2D} brush @param {Grid} grid @param {PortRange} range */
function fillCells(brush, grid, range) {
  for (const [x = 0, y = 0, width = 0, height = 0] of rowsOf(grid, range)) brush.fillRect(x, y, width, height);
}

/** @param {CanvasRenderingContext2D} brush @param {Grid} grid @param {PortRange} range */
function strokeCells(brush, grid, range) {
  for (const [x = 0, y = 0, width = 0, height = 0] of rowsOf(grid, range)) {
    brush.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
  }
}

/**
 * @param {CanvasRenderingContext2D} brush
 * @param {ReturnType<typeof runsOf>} runs
 * @param {Grid} grid
 * @param {(name: string) => string} colour
 */
function paintMarks(brush, runs, grid, colour) {
  for (const state of MARKED) { // the stronger ones over the weaker ones
    const own = runs.filter((run) => run.state === state);
    const total = own.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    const size = MARK_SIZES.find(([most]) => total <= most)?.[1];
    brush.fillStyle = brush.strokeStyle = colour(state);
    for (const run of own) {
      if (size === undefined) {
        fillCells(brush, grid, run);
        continue;
      }
      for (let port = run.first; port <= run.last; port++) {
        const inPixels = size * grid.scale;
        paintMark(brush, state, { ...insideOf(grid, port, inPixels), size: inPixels, scale: grid.scale });
      }
    }
  }
}

/** The middle of a mark in device pixels: whole also at the edge. @param {Grid} grid @param {number} port @param {number} size */
function insideOf(grid, port, size) {
  const { x, y } = placeOf(grid, port), { width, height, scale } = grid, half = 0.6 * size;
  const inside = (/** @type {number} */ value, /** @type {number} */ most) =>
    Math.min(Math.max(value * scale, half), most * scale - half);
  return { x: inside(x, width), y: inside(y, height) };
}

/**
 * A ring is leased, a disk listens, a diamond has no lease, a triangle is a conflict.
 *
 * @param {CanvasRenderingContext2D} brush
 * @param {MapState} state
 * @param {{ readonly x: number, readonly y: number, readonly size: number, readonly scale: number }} place
 */
function paintMark(brush, state, { x, y, size, scale }) {
  const half = size / 2;
  brush.beginPath();
  if (state === "leased") {
    brush.lineWidth = 2 * scale;
    brush.arc(x, y, half - scale, 0, 2 * Math.PI);
    return brush.stroke();
  }
  if (state === "listening") brush.arc(x, y, half, 0, 2 * Math.PI);
  else {
    const corners = state === "conflict"
      ? [[0, -1], [1.1, 0.9], [-1.1, 0.9]]
      : [[0, -1.1], [1.1, 0], [0, 1.1], [-1.1, 0]];
    for (const [right = 0, down = 0] of corners) brush.lineTo(x + right * half, y + down * half);
    brush.closePath();
  }
  brush.fill();
}

/**
 * A frame around the port at the cursor.
 *
 * @param {CanvasRenderingContext2D} brush
 * @param {Grid} grid
 * @param {number} port
 */
export function paintCursor(brush, grid, port) {
  const { scale } = grid, size = 15 * scale;
  const { x, y } = insideOf(grid, port, size);
  const colour = coloursOf(brush.canvas);
  for (const [name, width] of /** @type {const} */ ([["paper", 5], ["cursor", 2]])) {
    brush.strokeStyle = colour(name);
    brush.lineWidth = width * scale;
    brush.strokeRect(x - size / 2, y - size / 2, size, size);
  }
}
