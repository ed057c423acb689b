/**
 * Times syncs of nftables in a network namespace of its own, which `unshare --net` makes: a base chain that drops, with
 * foreign rules and rules of ours in it. Prints one JSON line. A program of its own; needs root.
 */
import { systemClock } from "../src/clock.ts";
import { linuxFirewall } from "../src/firewall/linux/firewall.ts";
import { NFT, nftables } from "../src/firewall/linux/nftables.ts";
import { makeRule, type Rule } from "../src/firewall/rule.ts";
import { FirewallSync } from "../src/firewall/sync.ts";

const ROUNDS = 7;

async function nft(args: readonly string[], input = ""): Promise<void> {
  const [program, ...first] = NFT;
  const child = new Deno.Command(program, {
    args: [...first, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writing = new Blob([input]).stream().pipeTo(child.stdin);
  const [{ success }] = await Promise.all([child.output(), writing]);
  if (!success) throw new Error(`Cannot run nft ${args.join(" ")}`);
}

function rulesOf(count: number): readonly Rule[] {
  return Array.from({ length: count }, (_, i) =>
    makeRule(
      { direction: "in", protocol: "tcp", port: 20_000 + i, profiles: ["private"], remote: ["10.0.0.0/8"] },
      `bench/${i}`,
    ));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function measure(foreign: number, own: number): Promise<Record<string, number[]>> {
  const rules = Array.from({ length: foreign }, (_, i) => `tcp dport ${i + 1} accept comment "host ${i}"`).join("\n");
  await nft(
    ["-f", "-"],
    `table inet host {\nchain input {\ntype filter hook input priority 0; policy drop;\n${rules}\n}\n}\n`,
  );
  let wanted: readonly Rule[] = [];
  const firewall = new FirewallSync({
    open: () => Promise.resolve(linuxFirewall(nftables(), { owner: "00000000", interfaces: () => [] })),
    wanted: () => wanted,
    clock: systemClock(),
    publish: () => undefined,
    drift: "restore",
    syncMs: 3_600_000,
  });
  const rulesWanted = rulesOf(own);
  const sync = (rules: readonly Rule[]) => {
    wanted = rules;
    return firewall.sync();
  };
  const times: Record<string, number[]> = { add: [], check: [], remove: [], list: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.add!.push(await timed(() => sync(rulesWanted)));
    times.check!.push(await timed(() => sync(rulesWanted)));
    times.list!.push(await timed(() => nft(["-j", "-t", "list", "ruleset"])));
    times.remove!.push(await timed(() => sync([])));
  }
  await firewall.close();
  return times;
}

if (import.meta.main) {
  const [foreign, own] = Deno.args.map(Number) as [number, number];
  console.log(JSON.stringify(await measure(foreign, own)));
}
