/**
 * Child processes of a self-test: our own program with `portd doctor --self-test-part PART:FOLDER`. This file starts them
 * and waits for them; part.ts is what they do. None outlives its folder for long, so nothing is left of a run that was
 * killed once its folder is removed.
 */
import { join } from "node:path";
import { ifThere } from "../errors.ts";
import { openProcesses } from "../process/open.ts";
import { openLinuxParts } from "../os/linux/linux.ts";
import { retryUntil } from "../wait.ts";

/** Starts a program as portd starts its daemon; it goes on when this process has ended. */
export type StartDetached = (words: readonly string[], cwd: string) => Promise<void>;

/** How a self-test starts its own program. */
export interface Starter {
  /** The program and the words that start portd. */
  readonly self: readonly string[];
  readonly startDetached: StartDetached;
}

/** What children do. */
export const PARTS = ["sleep", "start", "identity", "background", "tool", "service"] as const;

/** What a child does. */
export type Part = (typeof PARTS)[number];

/** The flag of `portd doctor` that children are started with. */
export const PART_FLAG = "--self-test-part";

/** How long a child waits for what it waits for; a child without a folder ends at once. */
export const CHILD_LIMIT_MS = 60_000;
export const PAUSE_MS = 100;
/** Written by a child that sleeps, or by a tool, when it runs. */
export const PID_FILE = "pid";

/** The words that start a child. */
export function childWords({ self }: Pick<Starter, "self">, part: Part, folder: string): string[] {
  return [...self, "doctor", PART_FLAG, `${part}:${folder}`];
}

/** Reads the value of the flag; `undefined` where it is invalid. */
export function parsePart(text: string): { readonly part: Part; readonly folder: string } | undefined {
  const colon = text.indexOf(":"), part = PARTS.find((each) => each === text.slice(0, colon));
  return part === undefined ? undefined : { part, folder: text.slice(colon + 1) };
}

/** A folder that a child may keep open without keeping anybody from removing it. */
export function workingFolder(): string {
  return Deno.build.os === "windows" ? Deno.env.get("SystemRoot") ?? "C:\\" : "/";
}

/** Waits for the text of a file that a child writes. @returns `undefined` when it does not come. */
export async function arrival(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, name);
  return await retryUntil(() => ifThere(() => Deno.readTextFileSync(path)) || undefined, {
    pauseMs: 20,
    longestPauseMs: PAUSE_MS,
    limitMs: CHILD_LIMIT_MS,
  });
}

/** Waits until a child runs that sleeps. @returns its pid. */
export async function sleeperIn(folder: string): Promise<number> {
  const pid = await arrival(folder, PID_FILE);
  if (pid === undefined) throw new Error(`the process in the background has not started within ${CHILD_LIMIT_MS} ms`);
  return Number(pid);
}

/** Ends a child that sleeps, by removing its folder, and waits until it has ended. The folder is empty then. */
export async function endSleeper(folder: string, pid: number): Promise<void> {
  await Deno.remove(folder, { recursive: true });
  const processes = openProcesses(Deno.build.os === "linux" ? openLinuxParts().procfs : undefined);
  const hasEnded = () => processes.find(pid) === undefined;
  if (!await retryUntil(hasEnded, { pauseMs: PAUSE_MS, limitMs: CHILD_LIMIT_MS })) {
    throw new Error(`the process ${pid} in the background does not end`);
  }
  Deno.mkdirSync(folder, { mode: 0o700 });
}

/** Writes a file that {@linkcode arrival} waits for, whole from its first moment on. */
export function leave(folder: string, name: string, text: string): void {
  const draft = join(folder, `${name}.new`);
  Deno.writeTextFileSync(draft, text);
  Deno.renameSync(draft, join(folder, name));
}
