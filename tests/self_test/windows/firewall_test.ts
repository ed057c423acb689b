/** `fw`, over a fake firewall: what it notices, and that only rules of the self-test are ever removed. */
import assert from "node:assert/strict";
import { LOCAL_RULES } from "../../../src/firewall/windows/policy.ts";
import type { RuleProperties } from "../../../src/firewall/windows/rule_form.ts";
import type { RuleWriter } from "../../../src/firewall/windows/rules.ts";
import type { Registry } from "../../../src/os/windows/registry.ts";
import { findRules, firewallItem, type FirewallParts } from "../../../src/self_test/windows/firewall.ts";

const TAG = "0123456789abcdef", NAME = `portd-selftest-${TAG}`;
const FOREIGN = "v2.33|Action=Allow|Active=TRUE|Dir=In|Name=web|EmbedCtxt=portd-selftest|";
const PROFILES = [["Domain", 1], ["Private", 2], ["Public", 4]] as const;

/** A firewall that keeps rules as Windows does. */
class FakeRules implements FirewallParts {
  readonly tag = TAG;
  readonly rules = new Map<string, string>([["{foreign}", FOREIGN]]);
  readonly registry: Registry;
  readonly #textOf: (rule: RuleProperties) => string;
  #next = 0;

  constructor(textOf: (rule: RuleProperties) => string = ruleText) {
    this.#textOf = textOf;
    const texts = (path: string) =>
      Promise.resolve(path === LOCAL_RULES ? [...this.rules].map(([name, text]) => ({ name, text })) : undefined);
    this.registry = { texts, exists: () => true, number: () => undefined };
  }

  readonly openRules = (): Promise<RuleWriter> =>
    Promise.resolve({
      add: (rule) => Promise.resolve(void this.rules.set(`{${this.#next++}}`, this.#textOf(rule))),
      remove: (name) => {
        const [found] = [...this.rules].find(([, text]) => text.includes(`|Name=${name}|`)) ?? assert.fail(name);
        return Promise.resolve(void this.rules.delete(found));
      },
      modifyState: () => Promise.resolve("ok"),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
}

function ruleText(rule: RuleProperties): string {
  const profiles = PROFILES.filter(([, bit]) => rule.profiles & bit).map(([name]) => `Profile=${name}|`).join("");
  const remote = rule.remoteAddresses === "LocalSubnet"
    ? "RA4=LocalSubnet|RA6=LocalSubnet|"
    : `RA${rule.remoteAddresses.includes(":") ? 6 : 4}=${rule.remoteAddresses}|`;
  return `v2.33|Action=Allow|Active=${rule.isActive === false ? "FALSE" : "TRUE"}|Dir=In|Protocol=${rule.protocol}|` +
    `${profiles}LPort=${rule.localPorts}|${remote}Name=${rule.name}|Desc=${rule.description}|EmbedCtxt=${rule.group}|`;
}

Deno.test("rules that come back as they were meant are ok, none was active, and none is left", async () => {
  const firewall = new FakeRules();
  const { state, value } = await firewallItem(firewall).run("");
  const { texts, leftAfterRemovingOneOfTwo, others } = value as Record<string, unknown> & { texts: string[] };
  assert.deepEqual([state, texts.length, leftAfterRemovingOneOfTwo, others], ["ok", 4, 1, 1]);
  for (const text of texts) assert.match(text, /\|Active=FALSE\|/);
  assert.deepEqual([...firewall.rules], [["{foreign}", FOREIGN]]);
});

Deno.test("a rule that Windows keeps differently is a failure that says how, and it is removed", async () => {
  const firewall = new FakeRules((rule) =>
    ruleText(rule).replace("|LPort=9|", "|LPort=9|New=1|").replace("FALSE", "TRUE")
  );
  const { state, reason } = await firewallItem(firewall).run("");
  assert.equal(state, "fail");
  assert.match(reason!, /^rule 1 is active; rule 1 has unknown fields New; rule 2 is active; /);
  assert.deepEqual([...firewall.rules.keys()], ["{foreign}"]);
});

Deno.test("a cleanup finds only rules with group, name and mark, and refuses a name that others have too", async () => {
  const mark = `Made by portd doctor --self-test; lets nothing through. [${NAME}]`;
  const ours = `v2.33|Name=${NAME} 1|Desc=${mark}|EmbedCtxt=portd-selftest|`;
  const firewall = new FakeRules();
  const strangers = [
    ours.replace("EmbedCtxt=portd-selftest", "EmbedCtxt=portd"),
    ours.replace(mark, "mine"),
    ours.replace(NAME, "portd-selftest-fedcba9876543210"), // with another run's mark
  ];
  for (const [i, text] of strangers.entries()) firewall.rules.set(`{s${i}}`, text);
  assert.deepEqual(await findRules(firewall), []);
  firewall.rules.set("{ours}", ours);
  const [artefact] = await findRules(firewall);
  assert.deepEqual([artefact?.tag, artefact?.what], [TAG, `rules of the firewall named ${NAME}`]);
  await assert.rejects(artefact!.remove(), /a rule that is not of the self-test is named "portd-selftest-\w+ 1" too$/);
  assert.ok(firewall.rules.has("{ours}"));
  firewall.rules.delete("{s0}");
  firewall.rules.delete("{s1}");
  await artefact!.remove();
  assert.deepEqual([...firewall.rules.keys()], ["{foreign}", "{s2}"]);
});
