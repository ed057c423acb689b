/**
 * Rules of ours and the entries that they consist of. A firewall of Linux lets one network in by one entry, so one rule
 * is one entry a network, in each place (chain, file, zone) where it is needed. Pure.
 *
 * `Command` is what a dialect says to add or to remove one entry.
 */
import type { FirewallReading } from "../backend.ts";
import { canonicalNetwork, type Family, familyOf } from "../networks.ts";
import type { ActualRule, Difference, Rule } from "../rule.ts";
import { type Mark, markOf, type Scope } from "./mark.ts";

/** A network from which an entry lets packets in. */
export interface Accept {
  /** In canonical form; `undefined` for everybody, and where an entry that is there has none that can be read. */
  readonly network: string | undefined;
  readonly scope: Scope;
}

/** An entry of ours that a firewall has. */
export interface ActualEntry<Command> extends Accept, Mark {
  /** The place and the content. It equals the key of a wanted entry unless the entry was altered. */
  readonly key: string;
  readonly remove: Command;
}

/** An entry that a rule needs. */
export interface WantedEntry<Command> extends Accept {
  readonly key: string;
  readonly add: Command;
}

/** A firewall as its dialect reads it. */
export interface Entries<Command> extends Pick<FirewallReading, "remarks"> {
  /** The entries with our mark. */
  readonly actual: readonly ActualEntry<Command>[];
  /** The number of entries without our mark. */
  readonly foreign: number;
  /** The entries that a rule needs; none where all of it passes anyway. */
  readonly wanted: (rule: Rule) => readonly WantedEntry<Command>[];
}

/** What entries depend on besides their rules. */
export interface EntryOptions {
  /** As in `BackendOptions`. */
  readonly owner: string;
  /** The networks that `LocalSubnet` stands for, in canonical form. */
  readonly local: readonly string[];
}

/**
 * The accepts that a rule needs in one place, each with the mark of its entry; no network twice.
 *
 * @param families are the IP versions that need entries.
 */
export function acceptsOf(
  rule: Rule,
  families: readonly Family[],
  { owner, local }: EntryOptions,
): (Accept & { readonly mark: string })[] {
  const accept = (scope: Scope, network?: string) => ({ network, scope, mark: markOf(owner, rule, scope) });
  if (rule.remote.includes("any")) return families.length === 0 ? [] : [accept("any")];
  const localNetworks = new Set(rule.remote.includes("LocalSubnet") ? local : []);
  const given = new Set(rule.remote.flatMap((remote) => canonicalNetwork(remote) ?? [])).difference(localNetworks);
  const isNeeded = (network: string) => families.includes(familyOf(network));
  return [
    ...[...localNetworks].filter(isNeeded).map((network) => accept("local", network)),
    ...[...given].filter(isNeeded).map((network) => accept("given", network)),
  ];
}

/** The rules that the actual entries make up. A rule whose entries are not exactly the wanted ones has no content. */
export function readRules({ actual, wanted }: Entries<unknown>): ActualRule[] {
  return [...Map.groupBy(actual, ({ name }) => name)].map(([name, entries]) => {
    const { direction, protocol, port, profiles } = entries[0]!;
    const rule = { name, direction, protocol, port, profiles, remote: remotesOf(entries), displayName: name };
    return { name, rule: keysOf(wanted(rule)) === keysOf(entries) ? rule : undefined };
  });
}

/** The needed part of a rule, as in `FirewallReading`. */
export function neededRule({ wanted }: Entries<unknown>, rule: Rule): Rule | undefined {
  const remote = remotesOf(wanted(rule));
  return remote.length === 0 ? undefined : { ...rule, remote };
}

/** The commands for a difference, removals first; entries that are as they should be are left alone. */
export function commandsFor<Command>(
  { actual, wanted }: Entries<Command>,
  { add, change, remove }: Difference,
): Command[] {
  const rules = [...add, ...change];
  const names = new Set([...rules.map(({ name }) => name), ...remove]);
  const missing = new Map(rules.flatMap(wanted).map((entry) => [entry.key, entry.add]));
  const removed = actual.filter(({ name, key }) => names.has(name) && !missing.delete(key));
  return [...removed.map(({ remove }) => remove), ...missing.values()];
}

function remotesOf(accepts: readonly Accept[]): string[] {
  const remotes = accepts.map(({ scope, network }) => ({ any: "any", local: "LocalSubnet", given: network })[scope]);
  return [...new Set(remotes.filter((remote) => remote !== undefined))].sort();
}

function keysOf(entries: readonly { readonly key: string }[]): string {
  return entries.map(({ key }) => key).sort().join("\n");
}
