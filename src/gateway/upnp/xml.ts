/** XML as routers send it, read into a tree. Pure, and total: any text gives a tree or a {@linkcode GatewayError}. */
import { XMLParser } from "fast-xml-parser";
import { GatewayError } from "../gateway.ts";

/** An element. Attributes are not kept: UPnP's documents say nothing in them. */
export interface XmlElement {
  /** Without its namespace prefix, which routers choose as they like. */
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** Its own text without that of its children, trimmed, with the entities of XML itself resolved. */
  readonly text: string;
}

/** Elements within each other. A description has nine: the root, three devices in lists of devices, a service, its field. */
const DEEPEST = 32;

/** Tags, comments, entities and so on of a document: descriptions have some 500. It bounds the time of reading. */
const MOST_MARKS = 10_000;

const CDATA = "#cdata", TEXT = "#text";

/**
 * Reads a document.
 *
 * @returns its root element.
 * @throws {GatewayError} of fault `failed` where the text is no document, or has a document type: that is what declares
 * entities, and no document of UPnP has one.
 */
export function parseXml(text: string): XmlElement {
  if (/<!(?!--|\[CDATA\[)/.test(text)) throw notRead("it has a document type, which may declare entities");
  if ((text.match(/[<&]/g)?.length ?? 0) > MOST_MARKS) {
    throw notRead(`it has more than ${MOST_MARKS} tags and entities`);
  }
  const roots = elementsOf(parse(text.replaceAll(BARE_AMPERSAND, "&amp;")));
  const [root] = roots;
  if (root === undefined || roots.length > 1) throw notRead("it has not one root element");
  return root;
}

/** As in the name of a router, `A&B`: not well-formed, and seen all the same. */
const BARE_AMPERSAND = /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);)/g;

/** What the parser makes of a document in the order of its parts: `{ name: parts }`, `{ "#text": text }`. */
type Part = Readonly<Record<string, unknown>>;

function parse(text: string): readonly Part[] {
  const parser = new XMLParser({
    preserveOrder: true, // names become values of ours, never keys of an object that is looked up in
    ignoreAttributes: true,
    ignoreDeclaration: true,
    ignorePiTags: true,
    removeNSPrefix: true,
    processEntities: false,
    parseTagValue: false,
    trimValues: false,
    cdataPropName: CDATA,
    maxNestedTags: DEEPEST,
    onDangerousProperty: (name) => name,
  });
  try {
    const parts: unknown = parser.parse(text, true);
    return Array.isArray(parts) ? parts : [];
  } catch {
    // The parser throws plain errors, with as much of the text in them as there is: they go no further.
    throw notRead("it is not well-formed");
  }
}

function elementsOf(parts: readonly Part[]): readonly XmlElement[] {
  return parts.flatMap((part) => {
    const [name, inner] = Object.entries(part)[0] ?? [];
    return name === undefined || name === TEXT || name === CDATA || !Array.isArray(inner) ? [] : [element(name, inner)];
  });
}

function element(name: string, parts: readonly Part[]): XmlElement {
  return { name, children: elementsOf(parts), text: parts.map(ownText).join("").trim() };
}

function ownText(part: Part): string {
  if (TEXT in part) return resolveEntities(String(part[TEXT]));
  if (!(CDATA in part) || !Array.isArray(part[CDATA])) return "";
  return part[CDATA].map((inner: Part) => String(inner[TEXT] ?? "")).join("");
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Resolves the five entities of XML and references to characters, once: what they become is not looked at again. */
function resolveEntities(text: string): string {
  return text.replaceAll(/&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([\da-fA-F]{1,6}));/g, (whole, name, decimal, hex) => {
    if (name !== undefined) return ENTITIES[name]!;
    const code = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** A text as content of an element. Characters that XML cannot have at all (its section 2.2) are left out. */
export function escapeXml(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex -- it is about control characters
    .replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&apos;");
}

/** The first child of a name. */
export function child(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return parent?.children.find((element) => element.name === name);
}

function notRead(why: string): GatewayError {
  return new GatewayError("failed", `Cannot read what the router has sent by UPnP: ${why}`);
}
