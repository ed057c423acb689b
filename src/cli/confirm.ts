/** Asking before something that cannot be taken back. */
import type { CliContext, CliProcess } from "./context.ts";
import { UsageError } from "./exit.ts";

/** Options of {@linkcode confirm}. */
export interface ConfirmOptions {
  /** What goes without saying, told before the question; complete lines. */
  readonly preface: string;
  /** Whether the answer has been given on the command line already; then nothing is asked or told. */
  readonly yes: boolean;
}

const YES = /^\s*y(?:es)?\s*$/i;

/**
 * Asks on stderr, as stdout is for the answer of the command; what is not a yes is a no, the end of the input too.
 *
 * @throws {UsageError} where stdin is no terminal: what comes from a pipe was not meant as an answer.
 */
export async function confirm(
  { process }: CliContext,
  question: string,
  { preface, yes }: ConfirmOptions,
): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTerminal) {
    throw new UsageError(`Cannot ask "${question}": stdin is no terminal; pass --yes if that is what you want`);
  }
  process.stderr.write(`${preface}${question} [y/N] `);
  return YES.test(await readLine(process.stdin));
}

/** A line as it was typed, without its end. */
async function readLine({ read }: CliProcess["stdin"]): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(256);
  let text = "";
  while (!text.includes("\n")) {
    const length = await read(buffer);
    if (length === null) break;
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
  return text.split(/\r?\n/, 1)[0]!;
}
