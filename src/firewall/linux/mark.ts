/**
 * The mark by which portd finds its entries in a firewall of Linux: a comment
 *
 *     portd <owner> <rule name> <profiles> <scope>
 *
 * such as `portd 1a2b3c4d portd-in-tcp-20417 domain,private local`. An entry whose comment differs by a single letter is
 * foreign. A mark has at most 65 characters (nftables takes 128 bytes), none of which needs quotes. It has the profiles
 * because the firewalls of Linux have none, and the scope because one rule becomes several entries, and the networks of
 * `LocalSubnet` look like any others. Pure.
 */
import { type DirectedPort, parseRuleName, type Profile, PROFILES, type Rule } from "../rule.ts";

/** Why an entry has its network: it is for everybody, for the networks of this machine, or for a network by name. */
export type Scope = "any" | "local" | "given";

/** What a mark says. */
export interface Mark extends DirectedPort {
  /** Name of the rule. */
  readonly name: string;
  readonly profiles: readonly Profile[];
  readonly scope: Scope;
}

const SCOPES: readonly string[] = ["any", "local", "given"] satisfies Scope[];

/** The comment of an entry. @param owner as in `BackendOptions`. */
export function markOf(owner: string, { name, profiles }: Pick<Rule, "name" | "profiles">, scope: Scope): string {
  return `portd ${owner} ${name} ${profiles.join() || "-"} ${scope}`;
}

/** Reads a comment; `undefined` when it is not exactly a mark of this owner. */
export function parseMark(owner: string, comment: unknown): Mark | undefined {
  if (typeof comment !== "string") return undefined;
  const [, , name = "", list = "", scope = ""] = comment.split(" ");
  const port = parseRuleName(name);
  if (port === undefined || !SCOPES.includes(scope)) return undefined;
  const profiles = PROFILES.filter((profile) => list.split(",").includes(profile));
  const mark = { name, ...port, profiles, scope: scope as Scope };
  return comment === markOf(owner, mark, mark.scope) ? mark : undefined;
}

/** Whether a comment is the mark of any portd. */
export function isAnyMark(comment: string | undefined): boolean {
  const owner = comment?.split(" ")[1] ?? "";
  return /^[\da-f]{8}$/.test(owner) && parseMark(owner, comment) !== undefined;
}
