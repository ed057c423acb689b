/**
 * Rules of ours and the entries that they consist of. A firewall of Linux lets one network in by one entry, so one rule
 * is one entry a network, in each place (chain, file, zone) where it is needed. Pure.
 *
 * `Command` is what a dialect says to add or to remove one entry.
 */
import { canonicalNetwork, type Family, familyOf } from "../networks.ts";
import type { ActualRule, Difference, Rule } from "../rule.ts";
import type { Mark, Scope } from "./mark.ts";

/** A network from which an entry lets packets in. */
export interface Accept {
  /** In canonical form; `undefined` for everybody. */
  readonly network: string | undefined;
  readonly scope: Scope;
}

/** An entry of ours that a firewall has. */
export interface ActualEntry<Command> {
  readonly mark: Mark;
  /** As in {@linkcode Accept}; also `undefined` where it cannot be read any more. */
  readonly network: string | undefined;
  /** The place and the content. It equals the key of a wanted entry unless the entry was altered. */
  readonly key: string;
  readonly remove: Command;
}

/** An entry that a rule needs. */
export interface WantedEntry<Command> {
  readonly accept: Accept;
  readonly key: string;
  readonly add: Command;
}

/** A firewall as its dialect reads it. */
export interface Entries<Command> {
  /** The entries with our mark. */
  readonly actual: readonly ActualEntry<Command>[];
  /** The number of entries without our mark. */
  readonly foreign: number;
  /** As in `FirewallReading`. */
  readonly remarks: readonly string[];
  /** The entries that a rule needs; none where all of it passes anyway. */
  readonly wanted: (rule: Rule) => readonly WantedEntry<Command>[];
}

/** What the accepts of a rule depend on. */
export interface AcceptOptions {
  /** The IP versions that need entries. */
  readonly families: readonly Family[];
  /** The networks that `LocalSubnet` stands for, in canonical form. */
  readonly local: readonly string[];
}

/** The accepts that a rule needs in one place; no network twice. */
export function acceptsOf({ remote }: Pick<Rule, "remote">, { families, local }: AcceptOptions): Accept[] {
  if (remote.includes("any")) return families.length === 0 ? [] : [{ network: undefined, scope: "any" }];
  const localNetworks = remote.includes("LocalSubnet") ? local : [];
  const given = remote.map(canonicalNetwork).filter((network) => network !== undefined)
    .filter((network) => !localNetworks.includes(network));
  const accepts: Accept[] = [
    ...localNetworks.map((network) => ({ network, scope: "local" as const })),
    ...[...new Set(given)].map((network) => ({ network, scope: "given" as const })),
  ];
  return accepts.filter(({ network }) => families.includes(familyOf(network!)));
}

/** The rules that the actual entries make up. A rule whose entries are not exactly the wanted ones has no content. */
export function readRules({ actual, wanted }: Entries<unknown>): ActualRule[] {
  return [...Map.groupBy(actual, ({ mark }) => mark.name)].map(([name, entries]) => {
    const rule = ruleOf(name, entries);
    const isWhole = rule !== undefined && keysOf(wanted(rule)) === keysOf(entries);
    return { name, rule: isWhole ? rule : undefined };
  });
}

/** The needed part of a rule, as in `FirewallReading`. */
export function neededRule({ wanted }: Entries<unknown>, rule: Rule): Rule | undefined {
  const remote = remotesOf(wanted(rule).map(({ accept }) => accept));
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
  const removed = actual.filter(({ mark, key }) => names.has(mark.name) && !missing.delete(key));
  return [...removed.map(({ remove }) => remove), ...missing.values()];
}

function ruleOf(name: string, entries: readonly ActualEntry<unknown>[]): Rule | undefined {
  const { direction, protocol, port, profiles } = entries[0]!.mark;
  const accepts = entries.map(({ mark: { scope }, network }) => ({ scope, network }));
  const isOne = entries.every(({ mark }) => mark.profiles.join() === profiles.join());
  if (!isOne || accepts.some((accept) => remoteOf(accept) === undefined)) return undefined;
  return { name, direction, protocol, port, profiles, remote: remotesOf(accepts), displayName: name };
}

function remotesOf(accepts: readonly Accept[]): string[] {
  return [...new Set(accepts.map(remoteOf).filter((remote) => remote !== undefined))].sort();
}

function remoteOf({ scope, network }: Accept): string | undefined {
  return { any: "any", local: "LocalSubnet", given: network }[scope];
}

function keysOf(entries: readonly { readonly key: string }[]): string {
  return entries.map(({ key }) => key).sort().join("\n");
}
