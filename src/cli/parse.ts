/** Values of flags, read and checked once. Each throws `SyntaxError` saying what would work. */
import type { PortRange } from "../port/port.ts";

/** A port; `least` 0 lets "any" pass. */
export function parsePort(text: string, least = 1): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port >= least && port <= 65535) return port;
  throw new SyntaxError(`must be a port from ${least} to 65535`);
}

/** `3000-3999`. */
export function parsePortRange(text: string): PortRange {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (range.first >= 1 && range.first <= range.last && range.last <= 65535) return range;
  throw new SyntaxError("must be a range of ports like 3000-3999");
}

/** `key=value`; the value may hold further equals signs. */
export function parsePair(text: string): readonly [key: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new SyntaxError("must be like key=value");
}

/** A whole number from 1 on. */
export function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return count;
  throw new SyntaxError("must be a whole number from 1 on");
}

/** A path; an empty one, as of a variable that is not set, would be the current folder. */
export function parsePath(text: string): string {
  if (text !== "") return text;
  throw new SyntaxError("must be a path");
}

/** The name of an environment variable. */
export function parseVariable(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text;
  throw new SyntaxError("must be the name of an environment variable like PORT");
}
