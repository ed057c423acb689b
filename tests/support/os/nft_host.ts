/** nftables in a network namespace, as the tests see and change it: on their own, not with portd's code. */
import { NftablesBackend } from "../../../src/firewall/linux/nftables.ts";
import type { ConformanceHost } from "../../firewall/conformance.ts";
import { NetworkNamespace } from "./netns.ts";

/** Two dropping base chains on the input hook, one by policy and one by its last rule, and one on the output hook. */
export const DROPPING_RULESET = `
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "lo" accept
    meta l4proto ipv6-icmp accept
    udp dport 9 accept
  }
  chain output {
    type filter hook output priority filter; policy drop;
    ct state established,related accept
    meta l4proto ipv6-icmp accept
  }
}
table ip legacy {
  chain reject_all {
    counter reject with icmp type admin-prohibited
  }
  chain INPUT {
    type filter hook input priority 10; policy accept;
    ct state established,related accept
    iifname "lo" accept
    udp dport 9 accept
    jump reject_all
  }
}
`;

/** The machine that the tests are on. */
export const INTERFACES = [{ cidr: "127.0.0.1/8" }, { cidr: "192.168.1.20/24" }, { cidr: "fe80::1/64" }];

interface Entry {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly comment?: string;
  readonly expr: readonly Record<string, unknown>[];
}

/** Reads the ruleset from a file. */
export async function loadRuleset(namespace: NetworkNamespace, text: string): Promise<void> {
  await namespace.feed(text, "nft", "-f", "-");
}

/** Makes a namespace with {@linkcode DROPPING_RULESET}. */
export async function openNftHost(): Promise<ConformanceHost> {
  const namespace = await NetworkNamespace.create();
  await loadRuleset(namespace, DROPPING_RULESET);
  let strangers = new Set((await entriesIn(namespace)).map(keyOf));
  const find = async (owner: string, name: string) =>
    (await entriesIn(namespace)).filter(({ comment }) => comment?.startsWith(`portd ${owner} ${name} `));
  return {
    backend: (owner) => new NftablesBackend({ owner, nft: nftIn(namespace), interfaces: () => INTERFACES }),
    addForeign: async (count) => {
      await execute(namespace, Array.from({ length: count }, (_, i) => ({ add: { rule: stranger(i) } })));
      strangers = new Set((await entriesIn(namespace)).map(keyOf));
    },
    foreign: async () =>
      (await entriesIn(namespace)).filter((entry) => strangers.has(keyOf(entry))).map((entry) => JSON.stringify(entry)),
    alter: async (owner, name) => {
      const [entry] = await find(owner, name);
      await execute(namespace, [{ replace: { rule: { ...entry!, expr: withOtherPort(entry!) } } }]);
    },
    takeAway: async (owner, name) => {
      await execute(namespace, (await find(owner, name)).map((entry) => ({ delete: { rule: entry } })));
    },
    duplicate: async (owner, name) => {
      const [{ handle: _, ...entry }] = await find(owner, name) as [Entry];
      await execute(namespace, [{ add: { rule: entry } }]);
    },
    [Symbol.asyncDispose]: () => namespace[Symbol.asyncDispose](),
  };
}

/** nft in a namespace. */
export function nftIn(namespace: NetworkNamespace): [string, ...string[]] {
  return [...namespace.enter, "/usr/sbin/nft"];
}

/** Every rule there is. */
async function entriesIn(namespace: NetworkNamespace): Promise<Entry[]> {
  const { nftables } = JSON.parse(await namespace.run("nft", "-j", "list", "ruleset"));
  return nftables.map(({ rule }: { rule?: Entry }) => rule).filter((rule: Entry | undefined) => rule !== undefined);
}

async function execute(namespace: NetworkNamespace, commands: readonly unknown[]): Promise<void> {
  await namespace.feed(JSON.stringify({ nftables: commands }), "nft", "-j", "-f", "-");
}

function keyOf({ family, table, handle }: Entry): string {
  return `${family} ${table} ${handle}`;
}

function stranger(i: number) {
  const mark = "portd 1a2b3c4d portd-in-tcp-20417 domain,private";
  const comments = [undefined, "portd-in-tcp-20417", `${mark} locals`, `${mark} local x`, mark, `x${mark} local`];
  const named = [...comments, `portd 1a2b3c4d portd-in-tcp-020417 domain,private local`, `PORTD${mark.slice(5)} local`];
  const comment = named[i % named.length];
  const match = { op: "==", left: { payload: { protocol: "tcp", field: "dport" } }, right: 1 + i % 65535 };
  const rule = { family: "inet", table: "filter", chain: "input", expr: [{ match }, { accept: null }] };
  return comment === undefined ? rule : { ...rule, comment };
}

function withOtherPort({ expr }: Entry): unknown {
  return JSON.parse(JSON.stringify(expr).replace(/"right":\s*204\d\d/, '"right":4711'));
}
