/** `bind.prompt` and `registry.rules`: the values in which the firewall of Windows keeps its rules. */
import { createHash } from "node:crypto";
import { LOCAL_RULES } from "../../firewall/windows/policy.ts";
import { parseRuleText } from "../../firewall/windows/rule_text.ts";
import type { Holds } from "../../hold/hold.ts";
import type { Registry } from "../../os/windows/registry.ts";
import { PROTOCOLS } from "../../port/port.ts";
import { freePort } from "../bind.ts";
import { fail, type Item, ok, type Outcome, skipped } from "../self_test.ts";

/** The rules by the names of their values. */
export type Rules = ReadonlyMap<string, string>;

/** Reads them; `undefined` where this Windows keeps no rules. */
export async function readRules(registry: Registry): Promise<Rules | undefined> {
  const texts = await registry.texts(LOCAL_RULES);
  return texts && new Map(texts.map(({ name, text }) => [name, text]));
}

/** A short digest of all rules. */
function digestOf(rules: Rules): string {
  const lines = [...rules].map(([name, text]) => `${name}\0${text}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex").slice(0, 16);
}

/**
 * `bind.prompt`. Windows asks the user when a program begins to listen, and adds rules for it, also when the user closes
 * the question.
 *
 * @param before is how the rules were when the self-test began.
 */
export function promptItem(registry: Registry, { before, holds }: {
  readonly before: Rules | undefined;
  readonly holds: Holds;
}): Item {
  return {
    id: "bind.prompt",
    does: "ask portd's probe for ports, and compare the firewall's rules before and after",
    async run() {
      for (const protocol of PROTOCOLS) freePort(holds, protocol);
      const after = await readRules(registry);
      if (before === undefined || after === undefined) return skipped("this Windows keeps no rules in its registry");
      const added = [...after].filter(([name]) => !before.has(name)).map(([, text]) => text);
      const changed = [...after].filter(([name, text]) => before.get(name) !== text).length - added.length;
      const ours = added.filter((text) => isAboutUs(text));
      const value = {
        before: digestOf(before),
        after: digestOf(after),
        rules: after.size,
        added: added.length,
        addedForPortd: ours.length,
        changed,
      };
      return ours.length === 0 ? ok(value) : fail("Windows has added rules for this program", value);
    },
  };
}

function isAboutUs(text: string): boolean {
  return parseRuleText(text)?.app?.toLowerCase() === Deno.execPath().toLowerCase();
}

/** `registry.rules`: whether portd can read every rule. */
export function rulesItem(registry: Registry): Item {
  return {
    id: "registry.rules",
    does: "read the firewall's rules from the registry",
    async run(): Promise<Outcome> {
      const rules = await readRules(registry);
      if (rules === undefined) return skipped("this Windows keeps no rules in its registry");
      const versions = new Map<string, number>(), unknownKeys = new Set<string>();
      let unreadable = 0;
      for (const text of rules.values()) {
        const rule = parseRuleText(text), version = rule && text.split("|", 1)[0];
        if (version === undefined) unreadable++;
        else versions.set(version, (versions.get(version) ?? 0) + 1);
        for (const { key } of rule?.others ?? []) unknownKeys.add(key);
      }
      const value = {
        rules: rules.size,
        versions: Object.fromEntries(versions),
        unreadable,
        unknownKeys: [...unknownKeys].sort(),
      };
      return unreadable === 0 ? ok(value) : fail(`${unreadable} values are no rules that portd can read`, value);
    },
  };
}
