/**
 * Checks a port from this machine: gathers what is known, tries what can be tried, and has judge.ts judge it. Nothing is
 * repaired by looking. A checker on another machine is asked by the client, not here.
 */
import type { NetworkReader } from "../adapters/adapters.ts";
import { type Dial, dial, type Dialled } from "../checker/dial.ts";
import { makeNonce } from "../checker/probe.ts";
import { PortdError } from "../errors.ts";
import { makeRule } from "../firewall/rule.ts";
import type { FirewallSync } from "../firewall/sync.ts";
import type { Family } from "../gateway/gateway.ts";
import type { Mapper } from "../gateway/mapper.ts";
import type { PortDescriber } from "../inspect/describe.ts";
import type { PortDescription, PortSocket } from "../inspect/description.ts";
import type { Lease } from "../lease/lease.ts";
import type { Line } from "../line/line.ts";
import type { Protocol } from "../port/port.ts";
import { shortCommand } from "../process/command_line.ts";
import type { FoundListener, FoundRule, ReachFacts } from "./facts.ts";
import { askRouter, type OpenGateway, routerAsKnown } from "./ask_router.ts";
import { hostLayers } from "./host_layers.ts";
import { judge } from "./judge.ts";
import { openTemporaryListener } from "./listen.ts";
import { lineOf } from "./line_facts.ts";
import { hasAddress, ownAddress } from "./own_address.ts";
import type { Origin, ReachReport, ReachRequest } from "./reach.ts";
import { hasPublicAddress } from "./router_layers.ts";

/** What a {@linkcode ReachCheck} asks. */
export interface ReachCheckParts {
  readonly ports: Pick<PortDescriber, "describe">;
  readonly firewall: Pick<FirewallSync, "rules" | "plan" | "isNeeded" | "last">;
  readonly mapper: Pick<Mapper, "status">;
  readonly network: NetworkReader;
  /** What is known of the line; asks nobody. */
  readonly line: { read(): Promise<Line> };
  /** @default sockets of this machine */
  readonly dial?: Dial;
  /** Finds the router; null where no protocol is to be spoken. */
  readonly openGateway: OpenGateway | null;
}

/** So many checks run at a time. */
const MOST_RUNNING = 8;
const BUSY_S = 2;
const MOST_OF_COMMAND = 40;

/** Checks ports. */
export class ReachCheck {
  readonly #parts: ReachCheckParts & { readonly dial: Dial };
  #running = 0;

  constructor(parts: ReachCheckParts) {
    this.#parts = { dial, ...parts };
  }

  /**
   * Checks a port, within some fifteen seconds.
   *
   * @throws {PortdError} `checker_busy`, and with `listen` as {@linkcode openTemporaryListener}.
   */
  async check(port: number, request: ReachRequest): Promise<ReachReport> {
    if (this.#running >= MOST_RUNNING) {
      const message = `Cannot check a port now: ${MOST_RUNNING} checks run; ask again in ${BUSY_S} s`;
      throw new PortdError("checker_busy", message, { retryAfter: BUSY_S });
    }
    this.#running++;
    try {
      const { protocol = "tcp", listen = false } = request;
      if (!listen) return judge(await this.#gather(port, request));
      const nonce = makeNonce();
      await using _listener = await openTemporaryListener({ port, protocol }, nonce);
      return judge(await this.#gather(port, { ...request, nonce }));
    } finally {
      this.#running--;
    }
  }

  async #gather(port: number, request: ReachRequest): Promise<ReachFacts> {
    const { ports, network, mapper } = this.#parts;
    const { protocol = "tcp", asks = false, nonce = null } = request;
    const [description, facts] = await Promise.all([ports.describe(port), network.read()]);
    const lease = description.leases.find(({ protocols }) => protocols.includes(protocol));
    const { family, from } = { ...wishOf(lease), ...givenOf(request) };
    const status = mapper.status();
    const mapping =
      status.mappings.find((one) => one.leaseId === lease?.id && one.protocol === protocol && one.family === family) ??
        null;
    const known = {
      port,
      protocol,
      family,
      from,
      target: lease?.name ?? String(port),
      listeners: listenersOf(description, protocol),
      network: facts,
      isOurs: nonce !== null,
      mapping: from === "lan" ? null : mapping,
    };
    const isBehindRouter = from === "internet" && !hasPublicAddress(known);
    const [lan, rules, router] = await Promise.all([
      this.#dialSelf(known, nonce),
      this.#ruleFacts(description, { ...known, asks }),
      isBehindRouter && asks
        ? askRouter(facts.internet[family], mapping, this.#parts.openGateway)
        : routerAsKnown(status[family]),
    ]);
    const line = isBehindRouter && family === "ipv4"
      ? lineOf(await this.#parts.line.read(), router.gateway, facts)
      : null;
    const before = { ...known, lan, ...rules, ...router, line, hairpin: null };
    return { ...before, hairpin: isBehindRouter && asks ? await this.#dialRouter(before, nonce) : null };
  }

  /** From this machine to its own address in the network. */
  async #dialSelf(
    facts: Pick<ReachFacts, "mapping" | "network" | "family" | "port" | "protocol">,
    nonce: string | null,
  ) {
    const address = ownAddress(facts);
    if (address === null || !hasAddress(facts, address)) return null;
    return await this.#parts.dial({ address, port: facts.port, protocol: facts.protocol }, nonce);
  }

  /** To the router's outer address, where nothing before is broken. */
  async #dialRouter(facts: ReachFacts, nonce: string | null): Promise<Dialled | null> {
    const { gateway, protocol, family } = facts, external = facts.mapping?.external ?? null;
    const address = external?.address ?? gateway?.externalAddress ?? null;
    const isWorth = hostLayers(facts).every(({ layer, result }) => result !== "fail" || layer === "rule");
    if (family === "ipv6" || !isWorth || address === null || external === null) return null;
    return await this.#parts.dial({ address, port: external.port, protocol }, nonce);
  }

  async #ruleFacts(
    { rules }: PortDescription,
    { protocol, port, from, asks, target }: Pick<ReachFacts, "protocol" | "port" | "from" | "target"> & {
      asks: boolean;
    },
  ): Promise<Pick<ReachFacts, "rule" | "needsRule">> {
    const { firewall } = this.#parts;
    const wanted = rules.find((one) => one.protocol === protocol && one.direction === "in");
    const isEnough = wanted !== undefined && (from === "lan" || wanted.remote.some((one) => one !== "LocalSubnet"));
    const remote = [from === "internet" ? "any" : "LocalSubnet"];
    const asked = makeRule({ direction: "in", protocol, port, profiles: ["domain", "private"], remote }, target);
    const last = firewall.last?.error ?? null;
    if (!asks) return { rule: wanted === undefined ? null : { ...wanted, reason: last }, needsRule: null };
    try {
      const needsRule = isEnough ? null : await firewall.isNeeded(asked);
      if (wanted === undefined) return { rule: null, needsRule };
      const now = firewall.rules(await firewall.plan()).find(({ name }) => name === wanted.name);
      const rule: FoundRule = { remote: wanted.remote, state: now?.state ?? "missing", reason: last };
      return { rule, needsRule };
    } catch (error) {
      if (!(error instanceof PortdError) || error.code !== "firewall_unavailable") throw error;
      const unknown = wanted && { remote: wanted.remote, state: "unknown", reason: error.message } as const;
      return { rule: unknown ?? null, needsRule: null };
    }
  }
}

/** For what the lease wants to be reached. */
function wishOf(lease: Lease | undefined): { readonly family: Family; readonly from: Origin } {
  const gateway = lease?.exposure?.gateway ?? null;
  if (gateway === null) return { family: "ipv4", from: "lan" };
  return { family: gateway.ipv4 ? "ipv4" : "ipv6", from: "internet" };
}

function givenOf({ family, from }: ReachRequest): { readonly family?: Family; readonly from?: Origin } {
  return { ...(family !== undefined && { family }), ...(from !== undefined && { from }) };
}

function listenersOf({ listeners }: PortDescription, protocol: Protocol): readonly FoundListener[] {
  return listeners.filter((socket) => socket.protocol === protocol)
    .map((socket) => ({ address: socket.localAddress, who: whoIs(socket) }));
}

function whoIs({ pid, process, user }: PortSocket): string {
  if (pid === null) return user === null || user === undefined ? "somebody" : `a process of ${user}`;
  const command = process?.command ?? null;
  return command === null ? `pid ${pid}` : `pid ${pid} (${shortCommand(command, MOST_OF_COMMAND)})`;
}
