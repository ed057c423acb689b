/**
 * What a run of the self-test makes on the machine, by its tag: found again by the next run, also when the run that made
 * it was killed. Only what has our mark is ever removed, and nothing of a run that still goes on.
 */
import { messageOf } from "../errors.ts";

/** The beginning of every name that a run makes; the random tag of the run follows. */
export const PREFIX = "portd-selftest-";
/** The group of its rules in the firewall. */
export const GROUP = "portd-selftest";

const NAME = /^portd-selftest-([0-9a-f]{16})(?![0-9a-f])/;

/** A new tag: 16 hexadecimal digits. */
export function newTag(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The tag in the name of something that a run has made; `undefined` where the name is no such name. */
export function tagOf(name: string): string | undefined {
  return NAME.exec(name)?.[1];
}

/** Something that a run has left. */
export interface Artefact {
  /** What it is, with its name. */
  readonly what: string;
  readonly tag: string;
  /** Removes it, and waits until it is gone. */
  readonly remove: () => Promise<void>;
}

/** Finds artefacts of one kind. @throws where they cannot be listed. */
export type FindArtefacts = () => Promise<readonly Artefact[]>;

/** What a cleanup did with one artefact, or one kind of them. */
export interface Removal {
  readonly what: string;
  readonly state: "removed" | "in use" | "failed";
  /** Why it is still there; null where it was removed. */
  readonly reason: string | null;
}

/**
 * Removes all artefacts of runs that have ended, kind by kind.
 *
 * @param kinds are in the order in which they are removed: each may need what those behind it are.
 * @param isRunning is whether the run of a tag still goes on.
 */
export async function removeArtefacts(
  kinds: readonly FindArtefacts[],
  isRunning: (tag: string) => boolean,
): Promise<readonly Removal[]> {
  const removals: Removal[] = [];
  for (const find of kinds) {
    try {
      for (const artefact of await find()) removals.push(await removeOne(artefact, isRunning));
    } catch (error) {
      removals.push({ what: "leftovers", state: "failed", reason: messageOf(error) });
    }
  }
  return removals;
}

async function removeOne({ what, tag, remove }: Artefact, isRunning: (tag: string) => boolean): Promise<Removal> {
  if (isRunning(tag)) return { what, state: "in use", reason: "the self-test that made it still runs" };
  try {
    await remove();
    return { what, state: "removed", reason: null };
  } catch (error) {
    return { what, state: "failed", reason: messageOf(error) };
  }
}
