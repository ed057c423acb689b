/**
 * A rule of Windows' firewall as the registry stores it: one line of fields, each followed by a bar,
 * `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|Name=Web|`; [MS-GPFAS] 2.2.2.19. Pure.
 */
import type { PortRange } from "../../port/port.ts";
import { type Profile, PROFILES } from "../rule.ts";
import { parseRuleAddress, type RuleAddress } from "./rule_address.ts";

/** One field; a rule may have a key several times. */
export interface RuleField {
  readonly key: string;
  readonly value: string;
}

/** Ports, or a keyword that stands for some: `RPC`, `RPC-EPMap`, `IPHTTPSIn`, `mDNS` and others. */
export type RulePorts = PortRange | string;

/** What a rule says. */
export interface RuleText {
  readonly version: { readonly major: number; readonly minor: number };
  readonly action: "Allow" | "Block" | "ByPass" | undefined;
  readonly active: boolean;
  readonly direction: "In" | "Out" | undefined;
  /** The number of the IP protocol; `undefined` for every one. */
  readonly protocol: number | undefined;
  /** All three where the rule names none. */
  readonly profiles: readonly Profile[];
  /** Empty for every port; likewise the others. */
  readonly localPorts: readonly RulePorts[];
  readonly remotePorts: readonly RulePorts[];
  readonly localAddresses: readonly RuleAddress[];
  readonly remoteAddresses: readonly RuleAddress[];
  /** The path of the only program that the rule applies to, as it is written: `%SystemRoot%\…`, `System`. */
  readonly app: string | undefined;
  readonly service: string | undefined;
  /** The name that COM and people see; `@FirewallAPI.dll,-28775` stands for a text of that library. */
  readonly name: string | undefined;
  readonly description: string | undefined;
  /** What COM calls the grouping. */
  readonly group: string | undefined;
  /** Whether it allows edge traversal: packets that come through NAT traversal. */
  readonly edge: boolean;
  /**
   * Every other field, in order: keys that no member above stands for, values that are invalid for their key, and second
   * fields of a key that may occur only once.
   */
  readonly others: readonly RuleField[];
}

const PROFILE_OF_TOKEN: Readonly<Record<string, Profile>> = { Domain: "domain", Private: "private", Public: "public" };
/** Keys whose value FALSE means the same as their absence. */
const FLAGS = new Set(["LSM", "LOM", "PCross", "PCROSS", "AuthByPassOut"]);
const VERSION = /^v(\d{1,3})\.(\d{1,3})$/;

/** Reads a rule. Never fails. @returns `undefined` for text that is no rule: it does not start with a version. */
export function parseRuleText(text: string): RuleText | undefined {
  const [version = "", ...parts] = text.split("|");
  const [, major, minor] = VERSION.exec(version) ?? [];
  if (major === undefined) return undefined;
  const draft = new Draft();
  for (const part of parts) {
    if (part === "") continue;
    const [key, value] = splitOnce(part);
    if (!draft.take(key, value)) draft.others.push({ key, value });
  }
  return draft.finish({ major: Number(major), minor: Number(minor) });
}

function splitOnce(part: string): readonly [string, string] {
  const at = part.indexOf("=");
  return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
}

/** Members whose field may occur once. */
type Single =
  | "action"
  | "direction"
  | "active"
  | "protocol"
  | "app"
  | "service"
  | "name"
  | "description"
  | "group"
  | "edge";

const SINGLES: Readonly<Record<string, { readonly member: Single; readonly values?: RegExp }>> = {
  Action: { member: "action", values: /^(Allow|Block|ByPass)$/ },
  Active: { member: "active", values: /^(TRUE|FALSE)$/ },
  Dir: { member: "direction", values: /^(In|Out)$/ },
  Protocol: { member: "protocol", values: /^(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/ },
  App: { member: "app" },
  Svc: { member: "service" },
  Name: { member: "name" },
  Desc: { member: "description" },
  EmbedCtxt: { member: "group" },
  Edge: { member: "edge", values: /^(TRUE|FALSE)$/ },
};

/** A rule that is being read. */
class Draft {
  readonly others: RuleField[] = [];
  readonly #singles = new Map<Single, string>();
  readonly #profiles = new Set<Profile>();
  readonly #ports: Record<"L" | "R", RulePorts[]> = { L: [], R: [] };
  readonly #addresses: Record<"L" | "R", RuleAddress[]> = { L: [], R: [] };

  /** Takes a field in. @returns whether a member has its value, or it means nothing. */
  take(key: string, value: string): boolean {
    if (Object.hasOwn(SINGLES, key)) return this.#takeSingle(key, value);
    if (key === "Profile") return this.#takeProfile(value);
    const [, side, family] = /^([LR])(?:A([46])2?|Port(?:2_\d+)?)$/.exec(key) ?? [];
    if (side === "L" || side === "R") {
      return family === undefined
        ? this.#takePorts(side, value)
        : this.#takeAddress(side, family === "4" ? 4 : 6, value);
    }
    return FLAGS.has(key) && value === "FALSE";
  }

  finish(version: RuleText["version"]): RuleText {
    const single = (member: Single) => this.#singles.get(member);
    const protocol = single("protocol");
    return {
      version,
      action: single("action") as RuleText["action"],
      active: single("active") === "TRUE",
      direction: single("direction") as RuleText["direction"],
      protocol: protocol === undefined ? undefined : Number(protocol),
      profiles: this.#profiles.size === 0 ? PROFILES : PROFILES.filter((profile) => this.#profiles.has(profile)),
      localPorts: this.#ports.L,
      remotePorts: this.#ports.R,
      localAddresses: this.#addresses.L,
      remoteAddresses: this.#addresses.R,
      app: single("app"),
      service: single("service"),
      name: single("name"),
      description: single("description"),
      group: single("group"),
      edge: single("edge") === "TRUE",
      others: this.others,
    };
  }

  #takeSingle(key: string, value: string): boolean {
    const { member, values } = SINGLES[key]!;
    if (this.#singles.has(member) || values?.test(value) === false) return false;
    this.#singles.set(member, value);
    return true;
  }

  #takeProfile(value: string): boolean {
    if (!Object.hasOwn(PROFILE_OF_TOKEN, value)) return false;
    this.#profiles.add(PROFILE_OF_TOKEN[value]!);
    return true;
  }

  #takePorts(side: "L" | "R", value: string): boolean {
    const ports = parsePorts(value);
    if (ports !== undefined) this.#ports[side].push(ports);
    return ports !== undefined;
  }

  #takeAddress(side: "L" | "R", family: 4 | 6, value: string): boolean {
    const address = parseRuleAddress(family, value);
    this.#addresses[side].push(address);
    return address.kind !== "unknown";
  }
}

function parsePorts(value: string): RulePorts | undefined {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value) ?? [];
  if (first === undefined) return /^[a-z][\w-]*$/i.test(value) ? value : undefined;
  const range = { first: Number(first), last: Number(last) };
  return range.first <= range.last && range.last <= 65535 ? range : undefined;
}
