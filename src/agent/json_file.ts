/** Entries in JSON files that belong to others: put in and taken out, all else stays. Pure. */

/** Plain data of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One entry: at a path of keys an object with this key, or in a list there an element. */
export type JsonEntry =
  | { readonly path: readonly string[]; readonly key: string; readonly value: Json }
  | { readonly path: readonly string[]; readonly element: Json; readonly isOurs: (element: Json) => boolean };

/** A file that cannot be changed without losing something; the message says why, and what a person can do. */
export class UnreadableFileError extends Error {
  override readonly name = "UnreadableFileError";
}

const BY_HAND = "enter portd by hand, or make it plain JSON";

/** The text with the entries; the same text where they are there. @param text is `undefined` where there is no file. */
export function withEntries(text: string | undefined, entries: readonly JsonEntry[]): string {
  const before = read(text);
  const after = entries.reduce<Json>((value, entry) => put(value, entry.path, entry), before);
  return isSame(before, after) && text !== undefined ? text : write(after, text);
}

/** The text without the entries; `undefined` where nothing else is left. */
export function withoutEntries(text: string, entries: readonly JsonEntry[]): string | undefined {
  const before = read(text);
  const after = entries.reduce<Json>((value, entry) => take(value, entry.path, entry), before);
  if (isSame(before, after)) return text;
  return isObject(after) && Object.keys(after).length === 0 ? undefined : write(after, text);
}

function read(text: string | undefined): Json {
  if (text === undefined || text.trim() === "") return {};
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UnreadableFileError(`it is no plain JSON (${(error as Error).message}); ${BY_HAND}`);
  }
  if (!isObject(value)) throw new UnreadableFileError(`it is no JSON object; ${BY_HAND}`);
  return value;
}

/** In the form of the file: its indentation, and whether it ends with a line end. */
function write(value: Json, text: string | undefined): string {
  const [, indent = "  "] = /^[{[]\r?\n([ \t]+)\S/.exec(text ?? "") ?? [];
  return JSON.stringify(value, null, indent) + (text === undefined || text.endsWith("\n") ? "\n" : "");
}

function put(value: Json | undefined, [first, ...rest]: readonly string[], entry: JsonEntry): Json {
  if (first !== undefined) {
    const at = objectOf(value);
    return { ...at, [first]: put(at[first], rest, entry) };
  }
  if ("key" in entry) return { ...objectOf(value), [entry.key]: entry.value };
  const list = value === undefined ? [] : value;
  if (!Array.isArray(list)) throw new UnreadableFileError(`${entry.path.join(".")} is no list; enter portd by hand`);
  const others = list.filter((element) => !entry.isOurs(element));
  const isThere = list.length === others.length + 1 && list.some((element) => isSame(element, entry.element));
  return isThere ? list : [...others, entry.element];
}

function take(value: Json | undefined, [first, ...rest]: readonly string[], entry: JsonEntry): Json {
  if (value === undefined) return {};
  if (first === undefined) {
    if (!("key" in entry)) return Array.isArray(value) ? value.filter((element) => !entry.isOurs(element)) : value;
    return isObject(value) ? without(value, entry.key) : value;
  }
  if (!isObject(value) || value[first] === undefined) return value;
  const left = take(value[first], rest, entry);
  const isEmpty = Array.isArray(left) ? left.length === 0 : isObject(left) && Object.keys(left).length === 0;
  return isEmpty ? without(value, first) : { ...value, [first]: left };
}

function without(value: { readonly [key: string]: Json }, key: string): Json {
  const { [key]: _, ...rest } = value;
  return rest;
}

function objectOf(value: Json | undefined): { readonly [key: string]: Json } {
  if (value === undefined) return {};
  if (!isObject(value)) throw new UnreadableFileError("an entry that must be an object is none; enter portd by hand");
  return value;
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSame(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
