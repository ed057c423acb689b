/** The picture of all ports while the page lives: it follows the map, the pointer, the keys, the theme and the size. */
import { byId, put } from "./dom.js";
import { gridOf, paintCursor, paintMap, placeOf, portAt } from "./map_paint.js";
import { visible } from "./element.js";
import { mapWords } from "./map_words.js";
import { mapLegend, mapSection, mapTable, MARKED, PORTS, runsOf, segmentsOf } from "./port_map.js";

/**
 * @import { MapState, PortMap } from "../../../src/inspect/port_map.ts"
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { Protocol } from "../../../src/port/port.ts"
 * @import { Texts } from "./english.js"
 */

/** A pointer this near to a port that is marked means that one, in CSS pixels: a cell is smaller than a finger. */
const NEAR = 6;
/** Labels beside the picture are at least so far apart, and there are at most so many. */
const LABEL_HEIGHT = 16, MOST_LABELS = 16;

export class MapPicture {
  #texts;
  #leases;
  /** In the page once there is a map. @type {HTMLCanvasElement | null} */
  #canvas = null;
  /** What was painted without the cursor. */
  #ground = document.createElement("canvas");
  /** @type {PortMap | null} */
  #map = null;
  /** @type {Protocol} */
  #protocol = "tcp";
  /** The state of each port. @type {Readonly<Record<Protocol, readonly MapState[]>>} */
  #states = { tcp: [], udp: [] };
  #grid = gridOf(0);
  /** @type {number | null} */
  #cursor = null;

  /** @param {Texts} texts @param {() => Iterable<Lease>} leases are those that are live. */
  constructor(texts, leases) {
    this.#texts = texts;
    this.#leases = leases;
  }

  /** Shows another map. @param {PortMap} map */
  show(map) {
    if (map.version === this.#map?.version) return;
    this.#map = map;
    if (this.#canvas === null) {
      if (document.getElementById("map-picture") === null) put(mapSection(map, this.#texts)); // it had no data before
      this.#canvas = byId("map-picture").querySelector("canvas");
      /** @type {HTMLDetailsElement} */ (byId("map-table")).open = false; // the picture says the same
      this.#listen();
    }
    this.#states = { tcp: statesOf(map, "tcp"), udp: statesOf(map, "udp") };
    put(mapTable(map, this.#texts, false));
    this.#paint();
  }

  #listen() {
    const picture = byId("map-picture");
    new ResizeObserver(() => this.#paint()).observe(picture);
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
      matchMedia(query).addEventListener("change", () => this.#paint());
    }
    picture.addEventListener("pointermove", (event) => this.#moveTo(this.#pointed(event)));
    picture.addEventListener("pointerleave", () => {
      if (document.activeElement !== picture) this.#moveTo(null);
    });
    picture.addEventListener("click", (event) => {
      this.#moveTo(this.#pointed(event));
      this.#inspect(this.#cursor);
    });
    picture.addEventListener("focus", () => this.#moveTo(this.#cursor ?? this.#next(0, 1) ?? 1));
    picture.addEventListener("blur", () => this.#moveTo(null));
    picture.addEventListener("keydown", (event) => this.#press(event));
    byId("map").addEventListener("change", ({ target }) => {
      const { name, value } = /** @type {HTMLInputElement} */ (target);
      if (name !== "map-protocol") return;
      this.#protocol = value === "udp" ? "udp" : "tcp";
      this.#paint();
    });
    byId("map-go").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#inspect(Number(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("port")));
    });
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const port = this.#cursor ?? 1, { columns } = this.#grid;
    /** @type {Readonly<Record<string, () => number | undefined>>} */
    const moves = {
      ArrowLeft: () => port - 1,
      ArrowRight: () => port + 1,
      ArrowUp: () => port - columns,
      ArrowDown: () => port + columns,
      Home: () => 0,
      End: () => PORTS - 1,
      PageUp: () => this.#next(port, -1),
      PageDown: () => this.#next(port, 1),
    };
    if (event.key === "Enter" || event.key === " ") this.#inspect(port);
    else {
      const to = moves[event.key]?.();
      if (moves[event.key] === undefined) return;
      if (to !== undefined && to >= 0 && to < PORTS) this.#moveTo(to);
    }
    event.preventDefault();
  }

  /** The next port in use from a port on. @param {number} port @param {1 | -1} step */
  #next(port, step) {
    const states = this.#states[this.#protocol];
    for (let at = port + step; at > 0 && at < PORTS; at += step) {
      if (MARKED.includes(states[at] ?? "none")) return at;
    }
  }

  /** @param {number | null} port */
  #inspect(port) {
    if (port === null || port < 1 || port >= PORTS) return;
    document.dispatchEvent(new CustomEvent("portd:inspect", { detail: port }));
  }

  /** The port at the pointer, or the next one in use if one is near. @param {MouseEvent} event */
  #pointed({ clientX, clientY }) {
    const { left, top } = byId("map-picture").getBoundingClientRect();
    const x = clientX - left, y = clientY - top, { width, height, columns, rows } = this.#grid;
    const port = portAt(this.#grid, x, y);
    const right = Math.ceil(NEAR / width * columns), down = Math.ceil(NEAR / height * rows);
    let best = port, nearest = NEAR;
    for (let row = -down; row <= down; row++) {
      for (let column = -right; column <= right; column++) {
        const other = port + row * columns + column;
        if (!MARKED.includes(this.#states[this.#protocol][other] ?? "none")) continue;
        const place = placeOf(this.#grid, other), distance = Math.hypot(place.x - x, place.y - y);
        if (distance >= nearest) continue;
        best = other;
        nearest = distance;
      }
    }
    return best;
  }

  /** @param {number | null} port */
  #moveTo(port) {
    if (port === this.#cursor) return;
    this.#cursor = port;
    this.#paintCursor();
  }

  /** Paints everything, and says what it means. */
  #paint() {
    const canvas = this.#canvas;
    if (this.#map === null || canvas === null) return;
    const grid = this.#grid = gridOf(byId("map-picture").clientWidth);
    if (grid.width === 0) return;
    canvas.style.height = `${grid.height}px`;
    paintMap(canvas, this.#map, this.#protocol, grid);
    this.#ground.width = canvas.width;
    this.#ground.height = canvas.height;
    this.#ground.getContext("2d")?.drawImage(canvas, 0, 0);
    put(mapLegend(this.#map, this.#protocol, this.#texts));
    this.#label(this.#map);
    this.#paintCursor();
  }

  #paintCursor() {
    const brush = this.#canvas?.getContext("2d") ?? null;
    if (brush === null || this.#ground.width === 0) return;
    brush.drawImage(this.#ground, 0, 0);
    if (this.#cursor !== null) paintCursor(brush, this.#grid, this.#cursor);
    byId("map-readout").textContent = this.#cursor === null ? "" : this.#describe(this.#cursor);
  }

  /** The name of the lease of a port; null where it has none. @param {number} port @param {Protocol} protocol */
  #nameOf(port, protocol) {
    for (const lease of this.#leases()) {
      if (lease.port === port && lease.protocols.includes(protocol)) return lease.name;
    }
    return null;
  }

  /** @param {number} port */
  #describe(port) {
    const words = mapWords(this.#texts);
    const [tcp = "", udp = ""] = /** @type {const} */ (["tcp", "udp"]).map((protocol) => {
      const name = this.#nameOf(port, protocol);
      return words.states[this.#states[protocol][port] ?? "none"] + (name === null ? "" : ` – ${visible(name)}`);
    });
    return words.readout(port, tcp, udp);
  }

  /** Names the ranges beside the picture, those of the pool and the system before others where there are too many. */
  #label(/** @type {PortMap} */ map) {
    const words = mapWords(this.#texts);
    const segments = [...segmentsOf(map)].sort((a, b) => b.last - b.first - (a.last - a.first)).slice(0, MOST_LABELS)
      .sort((a, b) => a.first - b.first);
    let next = 0;
    const labels = segments.map((segment, i) => {
      const most = this.#grid.height - (segments.length - i) * LABEL_HEIGHT;
      const top = Math.max(next, Math.min(most, placeOf(this.#grid, segment.first).y));
      next = top + LABEL_HEIGHT;
      return { segment, top };
    });
    for (
      const [id, textOf] of /** @type {const} */ ([
        ["map-ports", (/** @type {typeof segments[number]} */ { first, last }) => `${first}–${last}`],
        ["map-names", (/** @type {typeof segments[number]} */ { kind }) => words.ranges[kind]],
      ])
    ) {
      byId(id).replaceChildren(...labels.map(({ segment, top }) => {
        const label = document.createElement("span");
        label.textContent = textOf(segment);
        label.style.top = `${top}px`;
        return label;
      }));
    }
  }
}

/** @param {PortMap} map @param {Protocol} protocol @returns {MapState[]} */
function statesOf(map, protocol) {
  return runsOf(map, protocol).flatMap(({ first, last, state }) =>
    Array.from({ length: last - first + 1 }, () => state)
  );
}
