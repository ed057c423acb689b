/**
 * `fw`: rules that portd adds through COM come back from the registry as they were meant. The rules are inactive from
 * their first moment on: they let nothing through.
 */
import type { WindowsParts } from "../../firewall/windows/backend.ts";
import type { RuleProperties } from "../../firewall/windows/rule_form.ts";
import { parseRuleText, type RuleText } from "../../firewall/windows/rule_text.ts";
import type { RuleWriter } from "../../firewall/windows/rules.ts";
import { retryUntil } from "../../wait.ts";
import { type Artefact, GROUP, PREFIX, tagOf } from "../artefact.ts";
import { type Item, type Outcome, skipped, verdict } from "../self_test.ts";
import { readRules, type Rules } from "./rules.ts";

/** The discard service: nothing listens there. */
const PORT = 9;
const ALL_PROFILES = 7;
/** How long Windows may take to show a rule in the registry. */
const LIMIT_MS = 10_000, PAUSE_MS = 50;
/** More of one name are not ours. */
const MOST_OF_ONE_NAME = 10;

/** A form of a rule: what COM is given, and what must come back. */
const FORMS = [
  { remote: "192.0.2.1", addresses: ["192.0.2.1/32"], bits: ALL_PROFILES, profiles: ["domain", "private", "public"] },
  { remote: "LocalSubnet", addresses: ["LocalSubnet"], bits: ALL_PROFILES, profiles: ["domain", "private", "public"] },
  { remote: "192.0.2.0/24", addresses: ["192.0.2.0/24"], bits: 2, profiles: ["private"] },
  { remote: "2001:db8:0:1::/64", addresses: ["2001:db8:0:1::/64"], bits: 5, profiles: ["domain", "public"] },
] as const;

/** What the item works with. */
export type FirewallParts = Pick<WindowsParts, "registry" | "openRules"> & { readonly tag: string };

/** The item. */
export function firewallItem(parts: FirewallParts): Item {
  return {
    id: "fw",
    does: `add ${FORMS.length + 2} inactive rules to Windows Defender Firewall, in the group ${GROUP}, and remove them`,
    run: () => testFirewall(parts),
  };
}

async function testFirewall(parts: FirewallParts): Promise<Outcome> {
  const before = await readRules(parts.registry);
  if (before === undefined) return skipped("this Windows keeps no rules in its registry");
  await using writer = await parts.openRules();
  const objections: string[] = [], texts: string[] = [];
  let ofOneName: number | undefined;
  try {
    for (const [i, form] of FORMS.entries()) {
      const name = nameOf(parts.tag, String(i + 1));
      await writer.add(propertiesOf(parts.tag, name, form));
      const [text] = await appearing(parts, name, 1);
      texts.push(text ?? "");
      objections.push(...text === undefined ? [`rule ${i + 1} is not in the registry`] : faultsOf(text, form, i + 1));
    }
    ofOneName = await countAfterOneRemoval(parts, writer);
  } finally {
    await removeOurs(parts, writer);
  }
  const after = await readRules(parts.registry) ?? new Map<string, string>();
  if (!isSame(before, after)) objections.push("other rules have changed meanwhile");
  return verdict(objections, { texts, leftAfterRemovingOneOfTwo: ofOneName, others: before.size });
}

/** Adds two rules of one name and removes the name once. @returns how many are left. */
async function countAfterOneRemoval(parts: FirewallParts, writer: RuleWriter): Promise<number> {
  const name = nameOf(parts.tag, "twice");
  for (let i = 0; i < 2; i++) await writer.add(propertiesOf(parts.tag, name, FORMS[0]));
  await appearing(parts, name, 2);
  await writer.remove(name);
  return textsOf(await readRules(parts.registry), name).length;
}

/** The rules that runs of the self-test have left. */
export async function findRules({ registry, openRules }: Omit<FirewallParts, "tag">): Promise<readonly Artefact[]> {
  const rules = await readRules(registry) ?? new Map<string, string>();
  const tags = new Set([...rules.values()].flatMap((text) => tagOfRule(text) ?? []));
  return [...tags].map((tag) => ({
    what: `rules of the firewall named ${PREFIX}${tag}`,
    tag,
    async remove() {
      await using writer = await openRules();
      await removeOurs({ registry, tag }, writer);
    },
  }));
}

/** Removes all rules of a run. COM finds rules by their names only, so a name that another rule has too is refused. */
async function removeOurs(
  { registry, tag }: Pick<FirewallParts, "registry" | "tag">,
  writer: RuleWriter,
): Promise<void> {
  for (let i = 0; i < MOST_OF_ONE_NAME * FORMS.length; i++) {
    const texts = [...(await readRules(registry) ?? []).values()];
    const ours = texts.find((text) => tagOfRule(text) === tag);
    if (ours === undefined) return;
    const { name = "" } = parseRuleText(ours)!;
    const isForeign = (text: string) =>
      tagOfRule(text) !== tag && parseRuleText(text)?.name?.toLowerCase() === name.toLowerCase();
    if (texts.some(isForeign)) throw new Error(`a rule that is not of the self-test is named "${name}" too`);
    await writer.remove(name);
  }
  throw new Error(`rules named ${PREFIX}${tag} come back when they are removed`);
}

/** The tag of a rule of ours: group, name and description have our mark, all three. */
function tagOfRule(text: string): string | undefined {
  const { group, name = "", description } = parseRuleText(text) ?? {};
  const tag = group === GROUP ? tagOf(name) : undefined;
  return tag !== undefined && description === markOf(tag) ? tag : undefined;
}

function nameOf(tag: string, word: string): string {
  return `${PREFIX}${tag} ${word}`;
}

function markOf(tag: string): string {
  return `Made by portd doctor --self-test; lets nothing through. [${PREFIX}${tag}]`;
}

function propertiesOf(tag: string, name: string, { remote, bits }: (typeof FORMS)[number]): RuleProperties {
  return {
    name,
    description: markOf(tag),
    group: GROUP,
    direction: "in",
    protocol: 6,
    localPorts: String(PORT),
    remoteAddresses: remote,
    profiles: bits,
    isActive: false,
  };
}

/** What is not as it was meant. */
function faultsOf(text: string, { addresses, profiles }: (typeof FORMS)[number], number: number): string[] {
  const rule: RuleText | undefined = parseRuleText(text);
  if (rule === undefined) return [`rule ${number} cannot be read`];
  const { first, last } = typeof rule.localPorts[0] === "object" ? rule.localPorts[0] : { first: 0, last: 0 };
  const found = [...new Set(rule.remoteAddresses.map((address) => address.text))];
  const facts = [
    [!rule.active, "is active"],
    [rule.action === "Allow" && rule.direction === "In" && rule.protocol === 6, "has another action or protocol"],
    [rule.localPorts.length === 1 && first === PORT && last === PORT, "has other ports"],
    [found.join() === addresses.join(), "has other addresses"],
    [rule.profiles.join() === profiles.join(), "has other profiles"],
    [rule.group === GROUP, "has another group"],
    [!rule.edge && rule.app === undefined && rule.service === undefined, "has more than was given"],
    [rule.others.length === 0, `has unknown fields ${rule.others.map(({ key }) => key).join(" ")}`],
  ] as const;
  return facts.filter(([holds]) => !holds).map(([, fault]) => `rule ${number} ${fault}`);
}

/** The texts of the rules of a name, once there are so many; fewer when they do not come. */
async function appearing({ registry }: FirewallParts, name: string, count: number): Promise<readonly string[]> {
  const found = await retryUntil(async () => {
    const texts = textsOf(await readRules(registry), name);
    return texts.length >= count && texts;
  }, { pauseMs: PAUSE_MS, limitMs: LIMIT_MS });
  return found ?? textsOf(await readRules(registry), name);
}

function textsOf(rules: Rules | undefined, name: string): readonly string[] {
  return [...(rules ?? []).values()].filter((text) => parseRuleText(text)?.name === name);
}

function isSame(a: Rules, b: Rules): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}
