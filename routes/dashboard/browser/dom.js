/** From the elements of the views to nodes of the document. Text stays text: nothing is read as HTML. */

/** @import { Child, Element as Description } from "./element.js" */

const SVG = "http://www.w3.org/2000/svg";

/**
 * The node of an element.
 *
 * @param {Description} description
 * @param {string | null} [namespace]
 * @returns {HTMLElement}
 */
export function toNode({ tag, attributes, children }, namespace = null) {
  const own = tag === "svg" ? SVG : namespace;
  const node =
    /** @type {HTMLElement} */ (own === null ? document.createElement(tag) : document.createElementNS(own, tag));
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children) node.append(...toNodes(child, own));
  return node;
}

/**
 * The nodes of whatever may stand within an element.
 *
 * @param {Child} child
 * @param {string | null} [namespace]
 * @returns {(Node | string)[]}
 */
export function toNodes(child, namespace = null) {
  if (child === null || child === undefined || child === false) return [];
  if (Array.isArray(child)) return child.flatMap((each) => toNodes(each, namespace));
  return [typeof child === "object" ? toNode(/** @type {Description} */ (child), namespace) : String(child)];
}

/**
 * Puts an element in the place of the one with the same id, unless it is the same already. What has the focus in it
 * keeps it, by its place among what can have it.
 *
 * @param {Description} description has an id.
 */
export function put(description) {
  const id = String(description.attributes.id);
  const text = JSON.stringify(description);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const old = byId(id);
  const place = focusables(old).indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const isOpen = old.querySelector("details")?.open;
  const node = toNode(description);
  old.replaceWith(node);
  const details = node.querySelector("details");
  if (details !== null && isOpen !== undefined) details.open = isOpen;
  if (place >= 0) focusables(node)[place]?.focus({ preventScroll: true });
}

/** What {@linkcode put} has put, by id. @type {Map<string, string>} */
const shown = new Map();

/** @param {ParentNode} root @returns {HTMLElement[]} */
function focusables(root) {
  return [...root.querySelectorAll("a[href], button, input, select, summary")].map((
    each,
  ) => /** @type {HTMLElement} */ (each));
}

/**
 * The element with an id, which the page always has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`Cannot find #${id} in the page`);
  return found;
}
