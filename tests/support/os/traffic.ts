/** Two machines with a cable between them: who reaches a service on one of them from the other. */
import assert from "node:assert/strict";
import type { FirewallBackend } from "../../../src/firewall/backend.ts";
import type { Rule } from "../../../src/firewall/rule.ts";
import { differenceTo, rule, settle as makeEqual } from "../../firewall/conformance.ts";
import { linesOf } from "./lines.ts";
import { NetworkNamespace } from "./netns.ts";

const PROGRAM = new URL("./traffic.py", import.meta.url).pathname;

/** Port of the service. */
export const PORT = 20417;
/** UDP port that the host's own rules must leave open: the test itself needs it. */
export const CONTROL_PORT = 9;

/** The next port of a client. None is used twice: a firewall would let it in as the connection that it knows. */
let nextPort = 30_000;

/** Addresses of the service's machine, with those of the client in the same network. */
const ALLOWED4 = { service: "10.20.0.1", client: "10.20.0.2" };
const OTHER4 = { service: "10.30.0.1", client: "10.30.0.2" };
const ALLOWED6 = { service: "fd00:20::1", client: "fd00:20::2" };
const OTHER6 = { service: "fd00:30::1", client: "fd00:30::2" };

/** The networks of the clients that {@linkcode Cable.reach} asks for. */
export const NETWORKS = { ALLOWED4, OTHER4, ALLOWED6, OTHER6 };
/** The networks that are to be let in. */
export const ALLOWED_NETWORKS = ["10.20.0.0/24", "fd00:20::/64"];

const BOTH = ["tcp", "udp"];

/** What {@linkcode Cable.reach} answers while the service is closed, open to the allowed networks, and open to all. */
export const NOBODY = { ALLOWED4: [], OTHER4: [], ALLOWED6: [], OTHER6: [] };
export const ALLOWED_ONLY = { ...NOBODY, ALLOWED4: BOTH, ALLOWED6: BOTH };
export const EVERYBODY = { ALLOWED4: BOTH, OTHER4: BOTH, ALLOWED6: BOTH, OTHER6: BOTH };

/** The rules that open the service. */
export function openTo(remote: readonly string[]): readonly Rule[] {
  return [rule(PORT, { remote }), rule(PORT, { protocol: "udp", remote })];
}

/** Makes a firewall's rules equal to the wanted ones, which must leave no difference. */
export async function settle(backend: FirewallBackend, wanted: readonly Rule[]): Promise<void> {
  await makeEqual(backend, wanted);
  assert.deepEqual(differenceTo(await backend.read(), wanted), { add: [], change: [], remove: [] });
}

/** Made by {@linkcode Cable.lay}; disposing of it ends the service and the client's machine. */
export class Cable implements AsyncDisposable {
  readonly #host: NetworkNamespace;
  readonly #client: NetworkNamespace;
  readonly #service: Deno.ChildProcess;

  private constructor(host: NetworkNamespace, client: NetworkNamespace, service: Deno.ChildProcess) {
    this.#host = host;
    this.#client = client;
    this.#service = service;
  }

  /** Makes the client's machine, and a service on the host. */
  static async lay(host: NetworkNamespace): Promise<Cable> {
    const client = await NetworkNamespace.create();
    const all = Object.values(NETWORKS);
    const long = (address: string) => `${address}/${address.includes(":") ? 64 : 24}`;
    await host.connect(client, "veth0", {
      here: all.map(({ service }) => long(service)),
      there: all.map(({ client }) => long(client)),
    });
    const service = host.spawn("python3", PROGRAM, "serve", `${PORT}`, `${CONTROL_PORT}`);
    const said = linesOf(service.stdout);
    const { value: line } = await said.next();
    await said.return();
    if (line !== "ready") throw new Error("Cannot start the service");
    return new Cable(host, client, service);
  }

  /** Answers for each network by which protocols the service is reached from there: `["tcp", "udp"]`. */
  async reach(): Promise<Record<keyof typeof NETWORKS, string[]>> {
    const pairs = Object.values(NETWORKS).flatMap(({ client, service }) => [client, service]);
    const ports = [PORT, CONTROL_PORT, nextPort].map(String);
    nextPort += 3 * Object.keys(NETWORKS).length;
    const answer = await this.#client.run("python3", PROGRAM, "ask", ...ports, ...pairs);
    const [ALLOWED4, OTHER4, ALLOWED6, OTHER6] = JSON.parse(answer);
    return { ALLOWED4, OTHER4, ALLOWED6, OTHER6 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.stdin.close();
    await this.#service.status;
    await this.#host.run("ip", "link", "delete", "veth0"); // the kernel would do it some time after the client is gone
    await this.#client[Symbol.asyncDispose]();
  }
}
