/** Reading and checking the values of flags. Each function throws a `SyntaxError` that says what would work. */
import { portExpected, type PortRange, RANGE_EXPECTED, readPort, readRange } from "../port/port.ts";

/** A port; with `least` 0 also 0, which means any. */
export function parsePort(text: string, least: 0 | 1 = 1): number {
  return readOr(readPort(text, least), portExpected(least));
}

/** A port that is known when the environment is. @throws {SyntaxError} where the variable has none. */
export type PortOf = (env: Readonly<Record<string, string>>) => number;

/**
 * A port, or the variable that has it as a shell would write it: `$PORT`, `${PORT}`, `${PORT:-3000}`. For programs that
 * start portd without a shell, and tell the port by a variable.
 */
export function parsePortOrVariable(text: string): PortOf {
  const [, plain, braced, other] = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::-(\d+))?\})$/.exec(text) ?? [];
  const name = plain ?? braced;
  if (name === undefined) {
    const port = parsePort(text);
    return () => port;
  }
  const fallback = other === undefined ? undefined : parsePort(other);
  return (env) => {
    const value = env[name] || undefined;
    if (value === undefined) return readOr(fallback, `a port, and ${name} is not set`);
    return readOr(readPort(value, 1), `a port, and ${name} is "${value}"`);
  };
}

/** `3000-3999`. */
export function parsePortRange(text: string): PortRange {
  return readOr(readRange(text), RANGE_EXPECTED);
}

/** `key=value`; the value may have further equals signs. */
export function parsePair(text: string): readonly [key: string, value: string] {
  const at = text.indexOf("=");
  return readOr(at > 0 ? [text.slice(0, at), text.slice(at + 1)] : undefined, "like key=value");
}

/** A whole number, 1 or more. */
export function parseCount(text: string): number {
  return readOr(/^\d{1,9}$/.test(text) && Number(text) >= 1 ? Number(text) : undefined, "a whole number, 1 or more");
}

/** A path. An empty one, from a variable that is not set, would mean the current folder. */
export function parsePath(text: string): string {
  return readOr(text || undefined, "a path");
}

/** The name of an environment variable. */
export function parseVariable(text: string): string {
  const isName = /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
  return readOr(isName ? text : undefined, "the name of an environment variable like PORT");
}

/** A value that was read. @throws {SyntaxError} where there is none. */
export function readOr<Value>(value: Value | undefined, expected: string): Value {
  if (value !== undefined) return value;
  throw new SyntaxError(`must be ${expected}`);
}
