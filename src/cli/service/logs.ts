/** `portd service logs`: the last lines of the service's log, and with `--follow` those that come. */
import type { ServiceLog } from "../../service/service.ts";
import type { CliContext } from "../context.ts";
import { Ended, EXIT } from "../exit.ts";
import { untilSignal } from "../signals.ts";
import { escapeControls, toJson } from "../terminal.ts";
import { LineSplitter, LogFile } from "./log_file.ts";
import { openControl, serviceDirOf, type ServiceFlags } from "./steps.ts";

/** Flags of `portd service logs`. */
export type LogsFlags = ServiceFlags & { readonly follow?: boolean; readonly lines?: number };

const LINES = 50;

interface Reading {
  readonly lines: number;
  readonly follow: boolean;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Prints the log. */
export async function printLogs(context: CliContext, flags: LogsFlags): Promise<void> {
  const control = await openControl(context, flags);
  const log = control.log(await serviceDirOf(context, flags, control));
  const { lines = LINES, follow = false } = flags;
  const print = (line: string) =>
    context.process.stdout.write(
      `${flags.json ? toJson({ line }) : line.split("\t").map(escapeControls).join("\t")}\n`,
    );
  await untilSignal(context, (signal) => read(log, { lines, follow, print, signal }));
}

async function read(log: ServiceLog, reading: Reading): Promise<void> {
  if (log.kind === "journal") return await readJournal(log.command, reading);
  const file = new LogFile(log.path);
  try {
    for (const line of await file.last(reading.lines)) reading.print(line);
    if (reading.follow) await file.follow(reading.print, reading.signal);
  } finally {
    file.close();
  }
}

/** @throws {Ended} when the program that reads the journal fails; it writes to stderr what is wrong. */
async function readJournal(
  [program, ...words]: readonly [string, ...string[]],
  { lines, follow, print, signal }: Reading,
): Promise<void> {
  const args = [...words, "--no-pager", `--lines=${lines}`, ...(follow ? ["--follow"] : [])];
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "inherit", signal }).spawn();
  const splitter = new LineSplitter(print);
  for await (const bytes of child.stdout) splitter.take(bytes);
  splitter.end();
  const { code } = await child.status;
  if (code !== 0 && !signal.aborted) throw new Ended(EXIT.failure);
}
