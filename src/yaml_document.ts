/** Reading a YAML file for people: every complaint names the file, the line and the column. */
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from "yaml";
import { PortdError } from "./errors.ts";

/** One `key: value` of a YAML map, with where it stands. */
export interface YamlEntry {
  readonly key: string;
  /** The value as plain data. */
  readonly value: unknown;
  /** Where the value stands, as `file:line:column`. */
  readonly where: string;
  /** Where the key stands, as `file:line:column`. */
  readonly keyWhere: string;
  /** The entries below, when the value is a map; otherwise `undefined`. */
  readonly entries: readonly YamlEntry[] | undefined;
}

/**
 * Reads a YAML document whose top is a map.
 *
 * @param file is only named in messages.
 * @throws {PortdError} `invalid_request` with line and column when the text is no YAML or its top no map.
 */
export function parseYamlMap(text: string, file: string): readonly YamlEntry[] {
  const { document, locate } = readDocument(text, file);
  if (document.contents === null) return [];
  if (!isMap(document.contents)) {
    throw unreadable(locate(document.contents.range?.[0] ?? 0), "must be a map of settings");
  }
  return entriesOf(document.contents, locate);
}

/** Reads a YAML document, or a JSON one, as plain data. @throws {PortdError} as {@linkcode parseYamlMap}. */
export function parseYaml(text: string, file: string): unknown {
  return readDocument(text, file).document.toJS();
}

interface LocatedDocument {
  readonly document: Document.Parsed;
  /** A place in the text as `file:line:column`. */
  readonly locate: (offset: number) => string;
}

/**
 * An alias is refused: a few lines of aliases of aliases would stand for gigabytes, and no file that portd reads needs
 * one. So is a key that is no text: the time to read keys within keys doubles with each.
 */
function readDocument(text: string, file: string): LocatedDocument {
  const lines = new LineCounter();
  const locate = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fault = document.errors[0];
  if (fault !== undefined) {
    const isTooDeep = fault.code === "RESOURCE_EXHAUSTION";
    throw unreadable(locate(fault.pos[0]), isTooDeep ? "is nested too deeply" : fault.message);
  }
  const placeOf = ({ range }: Node) => locate(range?.[0] ?? 0);
  visit(document, {
    Pair(_key, { key }) {
      if (isNode(key) && !isScalar(key)) throw unreadable(placeOf(key), "has a key that is no text");
    },
    Alias(_key, alias) {
      throw unreadable(placeOf(alias), `holds the alias *${alias.source}; write the value out`);
    },
  });
  return { document, locate };
}

function entriesOf(node: Node, locate: (offset: number) => string): YamlEntry[] {
  if (!isMap(node)) return [];
  return node.items.map((pair) => {
    const key = pair.key as Node, value = pair.value as Node | null;
    const keyWhere = locate(key.range?.[0] ?? 0);
    return {
      key: isScalar(key) ? String(key.value) : key.toString(),
      value: value === null ? null : plain(value),
      where: value?.range ? locate(value.range[0]) : keyWhere,
      keyWhere,
      entries: value !== null && isMap(value) ? entriesOf(value, locate) : undefined,
    };
  });
}

function plain(node: Node): unknown {
  if (isMap(node)) {
    return Object.fromEntries(node.items.map((p) => [String(p.key), p.value === null ? null : plain(p.value as Node)]));
  }
  if (isSeq(node)) return node.items.map((item) => plain(item as Node));
  return isScalar(node) ? node.value : node.toString();
}

function unreadable(where: string, reason: string): PortdError {
  return new PortdError("invalid_request", `Cannot read ${where}: ${reason}`, { where });
}
