/**
 * The mark by which a rule of ours is found again in a firewall of Linux: a comment
 *
 *     portd <owner> <rule name> <profiles> <scope>
 *
 * such as `portd 1a2b3c4d portd-in-tcp-20417 domain,private local`. Whatever differs from this by a letter is somebody
 * else's. It has at most 65 characters (nftables takes 128 bytes) out of a set that no tool needs to quote. The profiles
 * are kept in it because the firewalls of Linux know none; the scope because one wish becomes several entries, and the
 * networks of `LocalSubnet` look like any others. Pure.
 */
import { type Protocol, readPort } from "../../port/port.ts";
import { type Direction, type Profile, type Rule, ruleName } from "../rule.ts";

/** Why an entry has its remote address: everybody is meant, it is a network of this machine, or was given as such. */
export type Scope = "any" | "local" | "given";

/** What a mark says. */
export interface Mark {
  /** Name of the rule. */
  readonly name: string;
  readonly profiles: readonly Profile[];
  readonly scope: Scope;
}

/** What the name of a rule says. */
export interface NamedPort {
  readonly direction: Direction;
  readonly protocol: Protocol;
  readonly port: number;
}

const PROFILES: readonly string[] = ["domain", "private", "public"] satisfies Profile[];
const SCOPES: readonly string[] = ["any", "local", "given"] satisfies Scope[];
const NO_PROFILE = "-";

/** The comment of an entry. @param owner as in `BackendOptions`. */
export function markOf(owner: string, { name, profiles }: Pick<Rule, "name" | "profiles">, scope: Scope): string {
  return `portd ${owner} ${name} ${profiles.join() || NO_PROFILE} ${scope}`;
}

/** Reads a comment; `undefined` when it is not exactly a mark of this owner. */
export function parseMark(owner: string, comment: unknown): Mark | undefined {
  if (typeof comment !== "string") return undefined;
  const [word, whose, name = "", list = "", scope = "", ...more] = comment.split(" ");
  if (word !== "portd" || whose !== owner || more.length > 0) return undefined;
  const profiles = PROFILES.filter((profile) => list.split(",").includes(profile));
  const isInOneForm = list === (profiles.join() || NO_PROFILE);
  if (!isInOneForm || parseName(name) === undefined || !SCOPES.includes(scope)) return undefined;
  return { name, profiles: profiles as Profile[], scope: scope as Scope };
}

/** Whether a comment is the mark of any portd. */
export function isAnyMark(comment: string | undefined): boolean {
  const owner = comment?.split(" ")[1] ?? "";
  return /^[\da-f]{8}$/.test(owner) && parseMark(owner, comment) !== undefined;
}

/** Reads the name of a rule; `undefined` when no rule is named so. */
export function parseName(name: string): NamedPort | undefined {
  const [, direction, protocol, digits] = /^portd-(in|out)-(tcp|udp)-(\d{1,5})$/.exec(name) ?? [];
  const port = readPort(digits ?? "");
  if (direction === undefined || port === undefined) return undefined;
  const named = { direction: direction as Direction, protocol: protocol as Protocol, port };
  return ruleName(named.direction, named.protocol, port) === name ? named : undefined;
}
