/**
 * From rules to the entries that they take, and back. The firewalls of Linux let one network in by one entry; one rule of
 * ours is therefore one entry a network, in each place (chain, file, zone) where one is needed. Pure.
 */
import type { ActualRule, Difference, Rule } from "../rule.ts";
import { type Mark, parseName, type Scope } from "./mark.ts";
import { canonicalNetwork, type Family, familyOf } from "../networks.ts";

/** One accept: from which network, and why. */
export interface Accept {
  /** In its one form; `undefined` for everybody. */
  readonly network: string | undefined;
  readonly scope: Scope;
}

/** An entry of a firewall with our mark. */
export interface Entry {
  readonly mark: Mark;
  /** The network that it lets in, in its one form; `undefined` for everybody, or where it is none of ours any more. */
  readonly network: string | undefined;
  /** All that it says and where it stands; those that are as they should be have the key of a wanted one. */
  readonly key: string;
}

/** What the entries of a rule depend on. */
export interface Surroundings {
  /** The IP versions that need entries. */
  readonly families: readonly Family[];
  /** The networks that `LocalSubnet` stands for, in their one form. */
  readonly local: readonly string[];
}

/** The accepts that a rule takes in one place; no network twice. */
export function acceptsOf({ remote }: Pick<Rule, "remote">, { families, local }: Surroundings): Accept[] {
  if (remote.includes("any")) return families.length === 0 ? [] : [{ network: undefined, scope: "any" }];
  const ownNetworks = remote.includes("LocalSubnet") ? local : [];
  const given = remote.map(canonicalNetwork).filter((network) => network !== undefined)
    .filter((network) => !ownNetworks.includes(network));
  const accepts: Accept[] = [
    ...ownNetworks.map((network) => ({ network, scope: "local" as const })),
    ...[...new Set(given)].map((network) => ({ network, scope: "given" as const })),
  ];
  return accepts.filter(({ network }) => families.includes(familyOf(network!)));
}

/** What of a rule is needed, as `FirewallReading.needed` says. @param accepts are all that it takes anywhere. */
export function reducedRule(rule: Rule, accepts: readonly Accept[]): Rule | undefined {
  const remote = [...new Set(accepts.map(remoteOf).filter((remote) => remote !== undefined))].sort();
  return remote.length === 0 ? undefined : { ...rule, remote };
}

/**
 * The rules that entries make up. One whose entries are not exactly those that it takes says nothing of ours.
 *
 * @param keysOf answers the keys of the entries that a rule takes.
 */
export function rulesOf(entries: readonly Entry[], keysOf: (rule: Rule) => readonly string[]): ActualRule[] {
  return [...Map.groupBy(entries, ({ mark }) => mark.name)].map(([name, entries]) => {
    const rule = ruleOf(name, entries);
    const isWhole = rule !== undefined && isSame(keysOf(rule), entries.map(({ key }) => key));
    return { name, rule: isWhole ? rule : undefined };
  });
}

/** The entries to be made and to be taken away for a difference; those that are as they should be stay. */
export function changesFor<Wanted extends { readonly key: string }, Actual extends Entry>(
  { add, change, remove }: Difference,
  actual: readonly Actual[],
  entriesOf: (rule: Rule) => readonly Wanted[],
): { readonly make: readonly Wanted[]; readonly takeAway: readonly Actual[] } {
  const rules = [...add, ...change];
  const names = new Set([...rules.map(({ name }) => name), ...remove]);
  const concerned = actual.filter(({ mark }) => names.has(mark.name));
  const wanted = rules.flatMap(entriesOf);
  const wantedKeys = new Set(wanted.map(({ key }) => key)), actualKeys = new Set(concerned.map(({ key }) => key));
  return {
    make: wanted.filter(({ key }) => !actualKeys.has(key)),
    takeAway: concerned.filter(({ key }) => !wantedKeys.has(key)),
  };
}

function ruleOf(name: string, entries: readonly Entry[]): Rule | undefined {
  const profiles = entries[0]!.mark.profiles;
  const remotes = entries.map(({ mark: { scope }, network }) => remoteOf({ scope, network }));
  const isOne = entries.every(({ mark }) => mark.profiles.join() === profiles.join());
  if (!isOne || remotes.includes(undefined)) return undefined;
  const remote = [...new Set(remotes.map((remote) => remote!))].sort();
  return { name, ...parseName(name)!, profiles, remote, displayName: name };
}

function remoteOf({ scope, network }: Accept): string | undefined {
  return { any: "any", local: "LocalSubnet", given: network }[scope];
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return [...some].sort().join("\n") === [...others].sort().join("\n");
}
