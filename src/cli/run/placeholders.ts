/** How a command gets its ports: in environment variables and placeholders. Pure. */
import { portVariable } from "../../project/project.ts";
import { UsageError } from "../exit.ts";

/** A service and its port. */
export interface NamedPort {
  /** Last part of the lease's name; `undefined` where the lease has no name. */
  readonly name: string | undefined;
  /** The variable that portd.yaml has for it. */
  readonly variable?: string | undefined;
  readonly port: number;
}

/** `PORT` for the first port, and `<NAME>_PORT` for each that has a name; the variables of portd.yaml come before both. */
export function portVariables(ports: readonly NamedPort[]): Record<string, string> {
  const values = (variableOf: (port: NamedPort) => string | undefined) =>
    Object.fromEntries(ports.flatMap((each) => {
      const variable = variableOf(each);
      return variable === undefined ? [] : [[variable, String(each.port)]];
    }));
  const named = values(({ name }) => name === undefined ? undefined : portVariable(name));
  return { ...named, PORT: String(ports[0]!.port), ...values(({ variable }) => variable) };
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

/** Whether a command asks for its port by a placeholder. */
export function hasPlaceholder(words: readonly string[]): boolean {
  return words.some((word) => word.search(PLACEHOLDER) !== -1);
}

/** The words that give most servers their port, at the end of a command. npm passes on only what stands behind `--`. */
export function portWords(command: string): string {
  return /^(?:\S*\/)?npm (?!.* -- )/.test(command) ? "-- --port {port}" : "--port {port}";
}

/** @throws {UsageError} when a placeholder names none of the services. @param names has `undefined` for no name. */
export function checkPlaceholders(words: readonly string[], names: readonly (string | undefined)[]): void {
  for (const [placeholder, name] of words.flatMap((word) => [...word.matchAll(PLACEHOLDER)])) {
    if (name === undefined || names.includes(name)) continue;
    const known = names[0] === undefined ? "no name is given" : `the names are ${names.join(", ")}`;
    throw new UsageError(`Cannot fill ${placeholder}: ${known}`);
  }
}

const PLACEHOLDER = /\{port(?::([^{}]+))?\}/g;
