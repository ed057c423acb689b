/**
 * The line of a lab: source NAT of the router, and what the provider does behind it. Port sets are those of MAP-E (RFC
 * 7597 section 5.1), DS-Lite is RFC 6333. The router's own mappings are in another table, so modes change under them.
 */
import type { NetworkNamespace } from "../netns.ts";

/**
 * - `plain`: the router keeps the source port. `random`, `fullrandom`: it chooses one, as nftables' words have it.
 * - `mape48`, `mape66`: MAP-E with offset 4 and a PSID of 8 bits, or 6 and 6; the provider drops all other ports.
 * - `cgn`: the router keeps the port behind 100.64.0.2, and the provider gives one port after the other.
 * - `stride`: as `cgn`, but each port is a step above the one before, from {@linkcode STRIDE_FIRST} on.
 * - `double`: the router is behind another one that keeps ports; its outer address is 192.168.100.2.
 * - `dslite`: the router has no IPv4 address outside and translates nothing; the provider does.
 */
export type LineMode =
  | "plain"
  | "random"
  | "fullrandom"
  | "mape48"
  | "mape66"
  | "cgn"
  | "stride"
  | "double"
  | "dslite";

/** Options of a line. */
export interface LineOptions {
  /**
   * Of MAP-E: how connections are spread over the blocks of ports. `inc`: one after the other; `hash`: by where they go and
   * from which port; `first`: all in the first block. @default "random"
   */
  readonly spread?: "random" | "inc" | "hash" | "first";
}

/** The first external port of `stride`. */
export const STRIDE_FIRST = 5000;

const OUTSIDE = "11.22.44.2";
const PROVIDER = "11.22.33.254";
/** So many ports of a carrier, which then begins from the first again. */
const CARRIER_PORTS = 256;

interface Machines {
  readonly router: NetworkNamespace;
  readonly provider: NetworkNamespace;
}

/** Makes a line of this mode, whatever it was before. */
export async function layLine(
  { router, provider }: Machines,
  mode: LineMode,
  { number, spread = "random" }: LineOptions & { readonly number: number },
): Promise<void> {
  const wan = addressesOf(mode);
  const isRouted = wan === undefined;
  await runIpv4(router, [
    "address flush dev wan0",
    ...isRouted
      ? ["route replace default via inet6 2400:db80:44::1 dev wan0"]
      : [`address add ${wan.router}/24 dev wan0`, `route replace default via ${wan.provider}`],
  ]);
  await runIpv4(provider, [
    "address flush dev cust0",
    ...isRouted
      ? ["route replace 10.77.0.0/24 via inet6 2400:db80:44::2 dev cust0"]
      : ["route flush exact 10.77.0.0/24", `address add ${wan.provider}/24 dev cust0`],
  ]);
  const rules = rulesOf(mode, number, spread);
  await load(router, rules.router);
  await load(provider, rules.provider);
}

/** The ports of a MAP-E port set in nftables' words, one range a block (RFC 7597 section 5.1). */
export function portSetRanges(offset: number, length: number, psid: number): readonly string[] {
  const runBits = 16 - offset - length;
  return Array.from({ length: 2 ** offset - 1 }, (_, i) => {
    const first = (i + 1) * 2 ** (16 - offset) + psid * 2 ** runBits;
    return `${first}-${first + 2 ** runBits - 1}`;
  });
}

/** The router's outer address and the provider's; `undefined` where the router has none. */
function addressesOf(mode: LineMode): { readonly router: string; readonly provider: string } | undefined {
  if (mode === "dslite") return undefined;
  if (mode === "cgn" || mode === "stride") return { router: "100.64.0.2", provider: "100.64.0.1" };
  if (mode === "double") return { router: "192.168.100.2", provider: "192.168.100.1" };
  return { router: OUTSIDE, provider: "11.22.44.1" };
}

/** The chains of the table of the mode, at the router and at the provider. */
interface LineRules {
  readonly router: string;
  readonly provider: string;
}

function rulesOf(mode: LineMode, number: number, spread: Required<LineOptions>["spread"]): LineRules {
  const router = sourceNat("oifname wan0 masquerade");
  switch (mode) {
    case "plain":
      return { router, provider: "" };
    case "random":
      return { router: sourceNat("oifname wan0 masquerade random"), provider: "" };
    case "fullrandom":
      return { router: sourceNat("oifname wan0 masquerade fully-random"), provider: "" };
    case "mape48":
      return portSetRules(portSetRanges(4, 8, number), spread);
    case "mape66":
      return portSetRules(portSetRanges(6, 6, number), spread);
    case "cgn":
      return { router, provider: sequence(number === 0 ? 20_000 : number, 1) };
    case "stride":
      return { router, provider: sequence(STRIDE_FIRST, number === 0 ? 1024 : number) };
    case "double":
      return { router, provider: sourceNat("oifname up0 masquerade") };
    case "dslite":
      return { router: "", provider: sourceNat("oifname up0 masquerade fully-random") };
  }
}

function sourceNat(...rules: readonly string[]): string {
  return `chain post { type nat hook postrouting priority srcnat; ${rules.join("; ")}; }`;
}

/** Marks spread new connections over the blocks; the provider lets nothing through to ports of other sets. */
function portSetRules(ranges: readonly string[], spread: Required<LineOptions>["spread"]): LineRules {
  const blocks = ranges.length;
  const mark = {
    random: `numgen random mod ${blocks} offset 1`,
    inc: `numgen inc mod ${blocks} offset 1`,
    hash: `jhash ip saddr . th sport mod ${blocks} offset 1`,
    first: "1",
  }[spread];
  const chosen = ranges.map((range, i) =>
    `oifname wan0 meta l4proto { tcp, udp, icmp } ct mark ${i + 1} snat ip to ${OUTSIDE}:${range}`
  );
  return {
    router:
      `chain spread { type filter hook postrouting priority mangle; oifname wan0 ct state new ct mark set ${mark}; }
      ${sourceNat(...chosen)}`,
    provider: `chain portset {
      type filter hook forward priority 0
      oifname cust0 ip daddr ${OUTSIDE} tcp dport != { ${ranges.join(", ")} } reject with tcp reset
      oifname cust0 ip daddr ${OUTSIDE} udp dport != { ${ranges.join(", ")} } reject
    }`,
  };
}

/** The kernel gives ports in no order of its own: a counter chooses the one port of each new connection. */
function sequence(first: number, step: number): string {
  const room = Math.floor((65_535 - first) / step) + 1;
  const ports = Array.from({ length: Math.min(room, CARRIER_PORTS) }, (_, i) => `${i} : ${first + i * step}`);
  const next = `${PROVIDER}:numgen inc mod ${ports.length} map { ${ports.join(", ")} }`;
  return sourceNat(`oifname up0 meta l4proto { tcp, udp } snat ip to ${next}`, "oifname up0 masquerade");
}

async function runIpv4(namespace: NetworkNamespace, lines: readonly string[]): Promise<void> {
  await namespace.feed(`${lines.join("\n")}\n`, "ip", "-4", "-batch", "-");
}

async function load(namespace: NetworkNamespace, chains: string): Promise<void> {
  await namespace.feed(`table ip line\ndelete table ip line\ntable ip line {\n${chains}\n}\n`, "nft", "-f", "-");
  await namespace.run("conntrack", "--flush");
}
