/** Syncs of nftables with 1,000 foreign rules and 200 of ours, against nft listing them; in a network namespace. */
import type { Line, Outcome, Row } from "../row.ts";
import { ratiosOf, spreadOf } from "../statistics.ts";
import { NFT, UNSHARE } from "../tools.ts";
import type { Workbench } from "../workbench.ts";

export const firewall: Row = { name: "firewall", tools: [NFT, UNSHARE], measure };

const FOREIGN = 1000, OWN = 200;
const PROGRAM = new URL("../firewall.ts", import.meta.url).pathname;

async function measure(bench: Workbench): Promise<Outcome> {
  if (Deno.uid() !== 0) throw new Error("only root has network namespaces");
  const deno = [Deno.execPath(), "run", "--no-prompt", "-A", PROGRAM, String(FOREIGN), String(OWN)];
  const times: Record<string, number[]> = JSON.parse(await bench.run(UNSHARE.program, ["--net", ...deno]));
  const line = (name: string, what: string): Line => ({
    what,
    portd: { ...spreadOf(times[name]!), unit: "ms" },
    other: { ...spreadOf(times.list!), unit: "ms", what: "nft -j list ruleset" },
    ratio: spreadOf(ratiosOf(times[name]!, times.list!)),
  });
  return {
    lines: [
      line("add", `a sync that sets ${OWN} rules`),
      line("check", "a sync that finds nothing to change"),
      line("remove", `a sync that removes ${OWN} rules`),
    ],
    notes: [`${FOREIGN} foreign rules in the same chain`],
  };
}
