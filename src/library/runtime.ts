/** What a script's runtime knows, the same way in Deno, Node and Bun: no global of one of them is needed. */
import type { Timer } from "../clock.ts";
import type { ProjectFiles } from "../project/project.ts";

/** The part of `process` that is used; Deno and Bun have it too. */
interface NodeProcess {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
  getBuiltinModule?(id: "node:fs"): NodeFiles;
}

interface NodeFiles {
  statSync(path: string, options: { readonly throwIfNoEntry: false }): {
    isFile(): boolean;
    isDirectory(): boolean;
  } | undefined;
  readFileSync(path: string, encoding: "utf8"): string;
}

/** @throws {TypeError} in a browser. */
function runtime(): NodeProcess {
  const { process } = globalThis as unknown as { readonly process?: NodeProcess };
  if (process === undefined) {
    throw new TypeError("Cannot lease a port from here: only Deno, Node and Bun have processes");
  }
  return process;
}

/** The number of this process. */
export function ownPid(): number {
  return runtime().pid;
}

/** A variable of the environment; `undefined` where there is none, or where Deno may not read it. */
export function variable(name: string): string | undefined {
  try {
    return runtime().env[name];
  } catch (error) {
    if ((error as Error).name === "NotCapable") return undefined;
    throw error;
  }
}

/** The folder in which this process runs. */
export function workingFolder(): string {
  return runtime().cwd();
}

/** The disk. @throws {TypeError} in a Node older than 20.16. */
export function nodeFiles(): ProjectFiles {
  const files = runtime().getBuiltinModule?.("node:fs");
  if (files === undefined) {
    throw new TypeError('Cannot find the project here (Node 20.16 or later can): give "project"');
  }
  return {
    kindOf(path) {
      const found = ifThere(() => files.statSync(path, { throwIfNoEntry: false }));
      return found?.isFile() ? "file" : found?.isDirectory() ? "folder" : undefined;
    },
    read: (path) => ifThere(() => files.readFileSync(path, "utf8")),
  };
}

/** Errors of the disk that mean: nothing there for us. */
const ABSENT = new Set(["ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "ELOOP"]);

function ifThere<Found>(look: () => Found): Found | undefined {
  try {
    return look();
  } catch (error) {
    if (ABSENT.has((error as { readonly code?: string }).code ?? "")) return undefined;
    throw error;
  }
}

/** Time, with timers that do not keep the process running. */
export const BACKGROUND_TIMER: Timer = {
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer: unknown = setTimeout(callback, Math.min(ms, LONGEST_TIMER_MS));
    if (typeof timer === "number") (globalThis as unknown as Partial<DenoTimers>).Deno?.unrefTimer(timer);
    else (timer as { unref?(): void }).unref?.();
    return () => clearTimeout(timer as number);
  },
};

interface DenoTimers {
  readonly Deno: { unrefTimer(timer: number): void };
}

/** A longer timer of JavaScript would end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
