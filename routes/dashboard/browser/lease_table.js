/**
 * The rows of the table of leases. What changes is put down at once and shown with the next frames, a few milliseconds
 * of each: a thousand events a second stop nobody from scrolling. Only the first rows are made; a button makes more.
 */
import { byId, toNode, toNodes } from "./dom.js";
import { leaseRow, rowId } from "./lease_row.js";
import { DEFAULT_ORDER, matches, orderBy, wordsOf } from "./order.js";

/**
 * @import { Lease } from "../../../src/lease/lease.ts"
 * @import { Child, Element as Description } from "./element.js"
 * @import { View } from "./facts.js"
 * @import { Column } from "./lease_row.js"
 */

/** How much of a frame rows may take, in milliseconds. */
const SHARE_MS = 8;
/** How many rows there are at first, and how many more the button makes. */
const FIRST_ROWS = 100, MORE_ROWS = 500;

/** @typedef {{ readonly node: HTMLElement, cells: readonly string[], lease: Lease | null, view: View | null }} Row */

export class LeaseTable {
  /** @type {Map<string, Lease>} */
  #leases = new Map();
  /** Those that the filter leaves, in their order. @type {readonly Lease[]} */
  #listed = [];
  #isListed = false;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #most = FIRST_ROWS;
  #isAsked = false;
  #isKnown = false;
  /** @type {readonly string[]} */
  #words = [];
  #order = orderBy(DEFAULT_ORDER);
  #body = /** @type {HTMLElement} */ (byId("lease-table").querySelector("tbody"));
  /** @type {View} */
  #view;
  #onShown;

  /** @param {View} view @param {() => void} onShown is called after each frame in which rows may have changed. */
  constructor(view, onShown) {
    this.#view = view;
    this.#onShown = onShown;
    for (const node of /** @type {HTMLElement[]} */ ([...this.#body.children])) {
      this.#rows.set(node.id.slice(rowId("").length), { node, cells: [], lease: null, view: null });
    }
  }

  /** The leases, in no order. @type {ReadonlyMap<string, Lease>} */
  get leases() {
    return this.#leases;
  }

  /** How many leases the filter leaves, and how many of them have no row yet. */
  get counts() {
    return { listed: this.#listed.length, left: Math.max(0, this.#listed.length - this.#most) };
  }

  /** Whether all leases have been read; until then the rows of the server stay. */
  get isKnown() {
    return this.#isKnown;
  }

  /** @param {Lease} lease is new, or has changed. */
  set(lease) {
    this.#leases.set(lease.id, lease);
    this.#list();
  }

  /** @param {string} id is that of a lease that has ended. */
  delete(id) {
    this.#leases.delete(id);
    this.#list();
  }

  /** Sets all of them; the others have ended. @param {Map<string, Lease>} leases */
  replace(leases) {
    this.#leases = leases;
    this.#isKnown = true;
    this.#list();
  }

  /** @param {View} view has other rules or mappings than before. */
  look(view) {
    this.#view = view;
    this.#ask();
  }

  /** @param {string} text */
  filter(text) {
    this.#words = wordsOf(text);
    this.#most = FIRST_ROWS;
    this.#list();
  }

  /** @param {Column} column @param {"ascending" | "descending"} direction */
  sort(column, direction) {
    this.#order = orderBy(column, direction);
    this.#most = FIRST_ROWS;
    this.#list();
  }

  showMore() {
    this.#most += MORE_ROWS;
    this.#ask();
  }

  #list() {
    this.#isListed = false;
    this.#ask();
  }

  #ask() {
    if (this.#isAsked || !this.#isKnown) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      this.#show();
      this.#onShown();
    });
  }

  #show() {
    const end = performance.now() + SHARE_MS;
    if (!this.#isListed) {
      const { states } = this.#view.texts;
      this.#listed = [...this.#leases.values()].filter((lease) => matches(lease, this.#words, states[lease.state]))
        .sort(this.#order);
      this.#isListed = true;
    }
    const shown = this.#listed.slice(0, this.#most);
    this.#removeOthers(shown);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    let next = this.#body.firstChild;
    for (const lease of shown) {
      if (performance.now() > end) {
        this.#ask(); // the others with the next frame
        break;
      }
      const node = this.#nodeOf(lease);
      if (node === next) next = next.nextSibling;
      else this.#body.insertBefore(node, next);
    }
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  }

  /** @param {readonly Lease[]} shown */
  #removeOthers(shown) {
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, { node }] of this.#rows) {
      if (ids.has(id)) continue;
      node.remove();
      this.#rows.delete(id);
    }
  }

  /** The row of a lease, as it is to be. @param {Lease} lease */
  #nodeOf(lease) {
    const row = this.#rows.get(lease.id), view = this.#view;
    if (row?.lease === lease && row.view === view) return row.node;
    const description = leaseRow(lease, view);
    const cells = /** @type {readonly Description[]} */ (description.children[0]);
    const texts = cells.map(({ children }) => JSON.stringify(children));
    if (row === undefined) {
      const node = toNode(description);
      this.#rows.set(lease.id, { node, cells: texts, lease, view });
      return node;
    }
    for (const [i, { children }] of cells.entries()) {
      if (row.cells[i] !== texts[i]) replaceCell(/** @type {HTMLElement} */ (row.node.children[i]), children);
    }
    row.node.className = lease.state;
    Object.assign(row, { cells: texts, lease, view });
    return row.node;
  }
}

/** @param {HTMLElement} cell @param {readonly Child[]} children */
function replaceCell(cell, children) {
  const hadFocus = cell.contains(document.activeElement);
  cell.replaceChildren(...children.flatMap((child) => toNodes(child)));
  if (hadFocus) /** @type {HTMLElement | null} */ (cell.querySelector("a, button"))?.focus({ preventScroll: true });
}
