/** `portd service logs`: the last lines of the service's log, and with `--follow` those that come. */
import type { Having } from "../answer.ts";
import type { CliContext } from "../context.ts";
import { Ended, EXIT } from "../exit.ts";
import { untilSignal } from "../signals.ts";
import { escapeControls, writeJson } from "../terminal.ts";
import { LogFile, splitLines } from "./log_file.ts";
import { openControl, serviceDirOf, type ServiceFlags } from "./steps.ts";

/** Flags of `portd service logs`. */
export type LogsFlags = ServiceFlags & { readonly follow?: boolean; readonly lines?: number };

/** Fields of each line. */
export const LOG_FIELDS = ["line"] as const;

const LINES = 50;

/** Prints the log. */
export async function printLogs(context: CliContext, flags: LogsFlags): Promise<void> {
  const control = await openControl(context, flags);
  const log = control.log(serviceDirOf(context, flags, await control.status()));
  const { lines = LINES, follow = false } = flags;
  const { stdout } = context.process;
  const print = (line: string) => {
    if (flags.json) writeJson(stdout, { line } satisfies Having<typeof LOG_FIELDS>);
    else stdout.write(`${line.split("\t").map(escapeControls).join("\t")}\n`);
  };
  await untilSignal(context, async (signal) => {
    if (log.kind === "journal") return await readJournal(log.command, { lines, follow, print, signal });
    using file = new LogFile(log.path);
    for (const line of await file.last(lines)) print(line);
    if (follow) await file.follow(print, signal);
  });
}

/** @throws {Ended} when the program that reads the journal fails; it writes to stderr what is wrong. */
async function readJournal(
  [program, ...words]: readonly [string, ...string[]],
  { lines, follow, print, signal }: {
    readonly lines: number;
    readonly follow: boolean;
    readonly print: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const args = [...words, "--no-pager", `--lines=${lines}`, ...(follow ? ["--follow"] : [])];
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "inherit", signal }).spawn();
  const splitter = splitLines(print);
  for await (const bytes of child.stdout) splitter.take(bytes);
  splitter.end();
  const { code } = await child.status;
  if (code !== 0 && !signal.aborted) throw new Ended(EXIT.failure);
}
