/** Reading and checking the values of flags. Each function throws a `SyntaxError` that says what would work. */
import { portExpected, type PortRange, RANGE_EXPECTED, readPort, readRange } from "../port/port.ts";

/** A port; with `least` 0 also 0, which means any. */
export function parsePort(text: string, least: 0 | 1 = 1): number {
  const port = readPort(text, least);
  if (port !== undefined) return port;
  throw new SyntaxError(`must be ${portExpected(least)}`);
}

/** `3000-3999`. */
export function parsePortRange(text: string): PortRange {
  const range = readRange(text);
  if (range !== undefined) return range;
  throw new SyntaxError(`must be ${RANGE_EXPECTED}`);
}

/** `key=value`; the value may have further equals signs. */
export function parsePair(text: string): readonly [key: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new SyntaxError("must be like key=value");
}

/** A whole number, 1 or more. */
export function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return count;
  throw new SyntaxError("must be a whole number, 1 or more");
}

/** A path. An empty one, from a variable that is not set, would mean the current folder. */
export function parsePath(text: string): string {
  if (text !== "") return text;
  throw new SyntaxError("must be a path");
}

/** The name of an environment variable. */
export function parseVariable(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text;
  throw new SyntaxError("must be the name of an environment variable like PORT");
}
