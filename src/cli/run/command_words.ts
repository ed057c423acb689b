/** The words of the command that `portd run` starts, with its ports. */
import type { CliContext } from "../context.ts";
import { writeLine } from "../terminal.ts";
import { fillPlaceholders, hasPlaceholder, type NamedPort } from "./placeholders.ts";

/** Options of {@linkcode commandWords}. */
export interface CommandOptions {
  readonly words: readonly string[];
  readonly ports: readonly NamedPort[];
  /** Whether dev servers get words that give them their port. */
  readonly injects: boolean;
}

/** Fills placeholders; where there are none, a dev server that is known gets its port, and stderr says how. */
export async function commandWords(
  { process: { stderr }, cwd }: CliContext,
  { words, ports, injects }: CommandOptions,
): Promise<readonly string[]> {
  if (!injects || hasPlaceholder(words)) return fillPlaceholders(words, ports);
  const { injectPort }: typeof import("./inject.ts") = await import("./inject.ts" as string);
  const injected = injectPort(words, ports[0]!.port, cwd);
  if (injected === undefined) return words;
  writeLine(stderr, `portd: ${injected.note}`);
  return injected.words;
}
