/** Asking before something that cannot be undone. */
import type { CliContext, CliProcess } from "./context.ts";
import { Ended, EXIT, UsageError } from "./exit.ts";

const YES = /^\s*y(?:es)?\s*$/i;

/**
 * Asks on stderr, as stdout is for the answer of the command. Whatever is not "y" or "yes" is a no, also the end of the
 * input.
 *
 * @param preface is printed before the question; whole lines.
 * @param yes is whether the command line has the answer already; then nothing is printed or asked.
 * @throws {Ended} when the answer is no.
 * @throws {UsageError} where stdin is no terminal: text from a pipe was not meant as an answer.
 */
export async function confirm(
  { process }: CliContext,
  question: string,
  { preface, yes }: { readonly preface: string; readonly yes: boolean },
): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTerminal) {
    throw new UsageError(`Cannot ask "${question}": stdin is no terminal; pass --yes to answer yes`);
  }
  process.stderr.write(`${preface}${question} [y/N] `);
  if (YES.test(await readLine(process.stdin))) return;
  process.stderr.write("nothing was done\n");
  throw new Ended(EXIT.failure);
}

/**
 * Asks before something that no `--yes` alone may answer: the whole word "yes" must be typed.
 *
 * @param preface is printed before the question; whole lines.
 * @param withoutTerminal says what works where stdin is no terminal.
 * @throws {Ended} when anything else is typed.
 * @throws {UsageError} where stdin is no terminal.
 */
export async function confirmInFull(
  { process }: CliContext,
  question: string,
  { preface, withoutTerminal }: { readonly preface: string; readonly withoutTerminal: string },
): Promise<void> {
  if (!process.stdin.isTerminal) {
    throw new UsageError(`Cannot ask "${question}": stdin is no terminal; ${withoutTerminal}`);
  }
  process.stderr.write(`${preface}${question} Type "yes" to do it: `);
  if (/^\s*yes\s*$/i.test(await readLine(process.stdin))) return;
  process.stderr.write("nothing was done\n");
  throw new Ended(EXIT.failure);
}

/** The line that is typed, without its end. */
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
