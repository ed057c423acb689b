/**
 * The self-test: proves on this machine what portd assumes about the system. This file has the types and the run; each
 * group of items is a file of its own, open.ts chooses for the OS, and docs/self-test.md says what each item means.
 *
 * Everything that an item makes carries the tag of the run in its name, and is removed before the item ends; cleanup.ts
 * removes what a killed run has left.
 */
import { messageOf } from "../errors.ts";
import type { Processes } from "../process/process.ts";
import type { FindArtefacts } from "./artefact.ts";
import type { Starter } from "./child.ts";

/** How an item ended. */
export type ItemState = "ok" | "fail" | "skipped";

/** What an item found. */
export interface Outcome {
  readonly state: ItemState;
  /** Why it failed or was skipped. */
  readonly reason?: string;
  /** What was measured, as the system gave it. */
  readonly value?: unknown;
}

/** One assumption. */
export interface Item {
  /** Stable: `spawn.eof`. */
  readonly id: string;
  /** What it does, in the imperative; printed before elevated items run. */
  readonly does: string;
  /**
   * Looks, and removes all that it has made. What it throws is the reason of a failure.
   *
   * @param folder is empty, and only for this item; it is removed afterwards.
   */
  readonly run: (folder: string) => Promise<Outcome>;
}

/** The self-test of this machine. */
export interface SelfTest extends Disposable {
  readonly items: readonly Item[];
  /** Those that take an administrator's rights. */
  readonly elevatedItems: readonly Item[];
  /** Why this process cannot run the elevated items; `undefined` when it can. */
  readonly refusal: string | undefined;
  readonly processes: Processes;
  /** Every kind of what a run makes, in the order in which leftovers are removed. */
  readonly artefacts: readonly FindArtefacts[];
}

/** Options of `openSelfTest`. */
export interface SelfTestOptions extends Starter {
  readonly tag: string;
}

/** One line of the report. */
export interface ItemResult {
  readonly id: string;
  readonly state: ItemState;
  readonly reason: string | null;
  readonly value: unknown;
  readonly ms: number;
}

/** Options of {@linkcode runItems}. */
export interface RunItemsOptions {
  /** Runs `use` with an empty folder, and removes that. */
  readonly inFolder: (id: string, use: (folder: string) => Promise<Outcome>) => Promise<Outcome>;
  /** Aborted when the user wants to stop: the item in hand ends, all others are skipped. */
  readonly signal: AbortSignal;
  /** Removes from a report what names the user. */
  readonly redact: (value: unknown) => unknown;
}

/** Succeeded. */
export function ok(value?: unknown): Outcome {
  return { state: "ok", value };
}

/** The assumption does not hold. */
export function fail(reason: string, value?: unknown): Outcome {
  return { state: "fail", reason, value };
}

/** Could not be looked at. */
export function skipped(reason: string, value?: unknown): Outcome {
  return { state: "skipped", reason, value };
}

/** `ok` where nothing speaks against it, else `fail` with all that does. */
export function verdict(objections: readonly string[], value: unknown): Outcome {
  return objections.length === 0 ? ok(value) : fail(objections.join("; "), value);
}

/** The same items, each of which is skipped for this reason. */
export function refused(items: readonly Item[], reason: string): readonly Item[] {
  return items.map((item) => ({ ...item, run: () => Promise.resolve(skipped(reason)) }));
}

/** Runs the items one after the other; never throws because of one. */
export async function runItems(items: readonly Item[], options: RunItemsOptions): Promise<readonly ItemResult[]> {
  const results: ItemResult[] = [];
  for (const item of items) results.push(await runItem(item, options));
  return results;
}

async function runItem({ id, run }: Item, { inFolder, signal, redact }: RunItemsOptions): Promise<ItemResult> {
  const start = performance.now();
  const { state, reason = null, value = null } = signal.aborted
    ? skipped("interrupted")
    : await inFolder(id, run).catch((error) => fail(messageOf(error)));
  const ms = Math.round(performance.now() - start);
  return { id, state, reason: redact(reason) as string | null, value: redact(value), ms };
}
