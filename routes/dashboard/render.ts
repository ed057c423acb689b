/** From the elements of the views to HTML; hono/jsx escapes every text and every attribute. */
import { jsx } from "hono/jsx";

import type { Child, Element } from "./browser/element.js";

type Node = Parameters<typeof jsx>[2];

/** A whole document. */
export function renderDocument(root: Element): string {
  return `<!doctype html>\n${render(root)}\n`;
}

/** The HTML of an element. */
export function render(element: Element): string {
  return String(toNode(element));
}

function toNode(child: Child): Node {
  if (child === null || child === undefined || child === false) return null;
  if (typeof child !== "object") return String(child);
  if (Array.isArray(child)) return child.map(toNode) as unknown as Node;
  const { tag, attributes, children } = child as Element;
  const kept = Object.entries(attributes).filter(([, value]) =>
    value !== false && value !== null && value !== undefined
  );
  return jsx(tag, Object.fromEntries(kept), ...children.map(toNode)) as unknown as Node;
}
