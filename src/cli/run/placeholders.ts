/** How a command gets its ports: in environment variables and placeholders. Pure. */
import { portVariable } from "../../project/project.ts";
import { UsageError } from "../exit.ts";

/** A service and its port. */
export interface NamedPort {
  /** Last part of the lease's name; `undefined` where the lease has no name. */
  readonly name: string | undefined;
  readonly port: number;
}

/** `PORT` for the first port, and `<NAME>_PORT` for each that has a name. */
export function portVariables(ports: readonly NamedPort[]): Record<string, string> {
  const variables = ports.flatMap(({ name, port }) => name === undefined ? [] : [[portVariable(name), String(port)]]);
  return { ...Object.fromEntries(variables), PORT: String(ports[0]!.port) };
}

/** Fills `{port}` (the first port) and `{port:name}` in every word. */
export function fillPlaceholders(words: readonly string[], ports: readonly NamedPort[]): string[] {
  return words.map((word) =>
    word.replaceAll(PLACEHOLDER, (_, name?: string) => {
      const found = name === undefined ? ports[0] : ports.find((port) => port.name === name);
      return String(found!.port);
    })
  );
}

/** @throws {UsageError} when a placeholder names none of the services. */
export function checkPlaceholders(words: readonly string[], names: readonly string[]): void {
  for (const [placeholder, name] of words.flatMap((word) => [...word.matchAll(PLACEHOLDER)])) {
    if (name === undefined || names.includes(name)) continue;
    const known = names.length === 0 ? "no name is given" : `the names are ${names.join(", ")}`;
    throw new UsageError(`Cannot fill ${placeholder}: ${known}`);
  }
}

const PLACEHOLDER = /\{port(?::([^{}]+))?\}/g;
