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
import { type Protocol, readPort } from "../../port/port.ts";
import { type Direction, type Profile, PROFILES, type Rule, ruleName } from "../rule.ts";

/** Why an entry has its network: it is for everybody, for the networks of this machine, or for a network by name. */
export type Scope = "any" | "local" | "given";

/** A port of this machine, and the direction of the packets to or from it. */
export interface DirectedPort {
  readonly direction: Direction;
  readonly protocol: Protocol;
  readonly port: number;
}

/** What a mark says. */
export interface Mark extends DirectedPort {
  /** Name of the rule. */
  readonly name: string;
  readonly profiles: readonly Profile[];
  readonly scope: Scope;
}

const SCOPES: readonly string[] = ["any", "local", "given"] satisfies Scope[];
const NO_PROFILE = "-";

/** The comment of an entry. @param owner as in `BackendOptions`. */
export function markOf(owner: string, { name, profiles }: Pick<Rule, "name" | "profiles">, scope: Scope): string {
  return `portd ${owner} ${name} ${profiles.join() || NO_PROFILE} ${scope}`;
}

/** Reads a comment; `undefined` when it is not exactly a mark of this owner. */
export function parseMark(owner: string, comment: unknown): Mark | undefined {
  if (typeof comment !== "string" || !comment.startsWith(`portd ${owner} `)) return undefined;
  const [, , name = "", list = "", scope = "", ...more] = comment.split(" ");
  const profiles = PROFILES.filter((profile) => list.split(",").includes(profile));
  const isCanonical = list === (profiles.join() || NO_PROFILE);
  const port = parseName(name);
  if (more.length > 0 || !isCanonical || port === undefined || !SCOPES.includes(scope)) return undefined;
  return { name, ...port, profiles, scope: scope as Scope };
}

/** Whether a comment is the mark of any portd. */
export function isAnyMark(comment: string | undefined): boolean {
  const owner = comment?.split(" ")[1] ?? "";
  return /^[\da-f]{8}$/.test(owner) && parseMark(owner, comment) !== undefined;
}

/** Reads the name of a rule; `undefined` when it is none. */
function parseName(name: string): DirectedPort | undefined {
  const [, direction, protocol, digits] = /^portd-(in|out)-(tcp|udp)-(\d{1,5})$/.exec(name) ?? [];
  const port = readPort(digits ?? "");
  if (direction === undefined || port === undefined) return undefined;
  const named = { direction: direction as Direction, protocol: protocol as Protocol, port };
  return ruleName(named.direction, named.protocol, port) === name ? named : undefined;
}
