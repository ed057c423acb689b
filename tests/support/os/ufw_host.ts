/** ufw in namespaces with copies of its files, as the tests see and change it: on their own, not with portd's code. */
import { UfwBackend } from "../../../src/firewall/linux/ufw.ts";
import type { ConformanceHost } from "../../firewall/conformance.ts";
import { NetworkNamespace } from "./netns.ts";
import { INTERFACES } from "./nft_host.ts";

/** Makes a namespace in which ufw is on and drops, in both directions, what no rule lets pass, but UDP port 9. */
export async function openUfw(): Promise<NetworkNamespace> {
  const namespace = await NetworkNamespace.create({ isWhole: true });
  await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/mnt");
  await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/run");
  await namespace.run("cp", "-a", "/etc/ufw", "/etc/default", "/mnt");
  await namespace.run("mount", "--bind", "/mnt/ufw", "/etc/ufw");
  await namespace.run("mount", "--bind", "/mnt/default", "/etc/default");
  const settings = `${rootOf(namespace)}/etc/default/ufw`;
  const dropping = (await Deno.readTextFile(settings)).replace(/^(DEFAULT_OUTPUT_POLICY)=.*$/m, '$1="DROP"');
  await Deno.writeTextFile(settings, dropping);
  await namespace.run("ufw", "--force", "enable");
  await namespace.run("ufw", "allow", "9/udp");
  return namespace;
}

/** Where the files of ufw are, seen from outside. */
export function rootOf({ pid }: NetworkNamespace): string {
  return `/proc/${pid}/root`;
}

/** ufw in a namespace. */
export function ufwIn(namespace: NetworkNamespace): [string, ...string[]] {
  return [...namespace.enter, "/usr/sbin/ufw"];
}

/** See {@linkcode openUfw}. */
export async function openUfwHost(): Promise<ConformanceHost> {
  const namespace = await openUfw();
  const root = rootOf(namespace);
  let strangers = new Set(await tuplesIn(root));
  const find = async (owner: string, name: string) =>
    (await tuplesIn(root)).filter((tuple) => tuple.includes(hexOf(`portd ${owner} ${name} `)));
  const takeAway = async (tuples: readonly string[]) => {
    for (const tuple of tuples) {
      const [, protocol, port, , , source] = tuple.split(" ");
      const match = ["proto", protocol!, "from", source!, "to", "any", "port", port!];
      await namespace.run("ufw", "delete", "allow", ...match);
    }
  };
  return {
    backend: (owner) => new UfwBackend({ owner, ufw: ufwIn(namespace), root, interfaces: () => INTERFACES }),
    addForeign: async (count) => {
      const path = `${root}/etc/ufw/user.rules`;
      const rules = Array.from({ length: count }, (_, i) => stranger(i)).join("");
      await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("### RULES ###\n", `$&\n${rules}`));
      await namespace.run("ufw", "reload");
      strangers = new Set(await tuplesIn(root));
    },
    foreign: async () => (await tuplesIn(root)).filter((tuple) => strangers.has(tuple)),
    alter: async (owner, name) => {
      const [tuple] = await find(owner, name);
      await takeAway([tuple!]);
      const comment = textOf(/comment=(\S+)/.exec(tuple!)![1]!);
      await namespace.run("ufw", ..."allow proto tcp from 203.0.113.0/24 to any port 4711 comment".split(" "), comment);
    },
    takeAway: async (owner, name) => await takeAway(await find(owner, name)),
    [Symbol.asyncDispose]: () => namespace[Symbol.asyncDispose](),
  };
}

/** Every rule that there is. */
export async function tuplesIn(root: string): Promise<string[]> {
  const texts = await Promise.all(["", "6"].map((digit) => Deno.readTextFile(`${root}/etc/ufw/user${digit}.rules`)));
  return texts.flatMap((text) => [...text.matchAll(/^### tuple ### (.*)$/gm)].map(([, tuple]) => tuple!));
}

function stranger(i: number): string {
  const mark = "portd 1a2b3c4d portd-in-tcp-20417 domain,private";
  const comments = ["", "portd-in-tcp-20417", `${mark} locals`, `${mark} local x`, mark, `x${mark} local`, `店 | "x"`];
  const comment = comments[i % comments.length]!;
  const port = 1 + i;
  const told = comment === "" ? "" : ` comment=${hexOf(comment)}`;
  return `### tuple ### allow tcp ${port} 0.0.0.0/0 any 198.51.100.0/24 in${told}\n` +
    `-A ufw-user-input -p tcp --dport ${port} -s 198.51.100.0/24 -j ACCEPT\n\n`;
}

function hexOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function textOf(hex: string): string {
  return new TextDecoder().decode(Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16)));
}
