/**
 * A slot: one working copy with the ports of its services and the values that follow from them. Pure, apart from the
 * branch, which is read from the working copy.
 */
import { branchAt, type Project, shortHash } from "./project.ts";

/** What the values of portd.yaml may speak of. */
export interface SlotNames {
  /** The name of the project without a branch: `shop`. */
  readonly project: string;
  /** The branch; empty outside of git. */
  readonly branch: string;
  /** `shop`, or `shop_login` in a linked worktree: safe in the names of databases and hosts. */
  readonly slot: string;
}

/** PostgreSQL's limit for names, and that of a part of a host's name. */
const LONGEST_SLOT = 63;

/** The names of a working copy. @param name is that of its leases, which may have a suffix ({@linkcode distinctName}). */
export function slotNames(project: Project, name = project.name): SlotNames {
  const { main } = project;
  return { project: main?.name ?? project.name, branch: branchAt(project) ?? "", slot: slotOf(name) };
}

/** Lower case letters, digits and `_`, a letter first; where that changes more than case and separators, with a hash. */
export function slotOf(name: string): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_").replaceAll(/^_+|_+$/g, "");
  const text = /^[a-z]/.test(plain) ? plain : `p_${plain}`;
  return text.length <= LONGEST_SLOT && isPlainly(name, text) ? text : withHash(text, name);
}

/** Whether two names that become this slot are one but for case and a single separator. */
function isPlainly(name: string, text: string): boolean {
  return name.replace("@", "_").replaceAll("-", "_") === text;
}

function withHash(text: string, name: string): string {
  const suffix = `_${shortHash(name)}`;
  return text.slice(0, LONGEST_SLOT - suffix.length) + suffix;
}
