/** A portd in a lab, on a host with a service: whether the internet reaches that. */
import assert from "node:assert/strict";
import type { Protocol } from "../../../src/port/port.ts";
import { pause } from "../../../src/wait.ts";
import { HostedPortd } from "./hosted_portd.ts";
import { ADDRESSES, Lab } from "./lab.ts";
import type { LabHost } from "./lab/host.ts";
import type { RequestWatch } from "./lab/request_watch.ts";
import type { RouterOptions } from "./lab/router.ts";

/** The leased port. The router of a lab has it free, so it is the external one too. */
export const PORT = 20417;
/** The router's outer address. */
export const EXTERNAL = ADDRESSES.outside.ipv4;
export const BOTH: readonly Protocol[] = ["tcp", "udp"];
/** For how long the daemon asks for a mapping, where a test says nothing else. It renews it after half of that. */
export const LIFETIME_MS = 12_000;
/** Between two looks at a service that is to stay reached. */
const LOOK_MS = 2000;
/** How long both protocols of a port may take to be renewed, on a busy machine. */
const GAP_MS = 8000;
const PATIENCE_MS = 60_000;
const MOST_TRIES = 6;

/** On a busy machine an answer may take long. */
const PATIENTLY = ["--timeout", "60s"];

/** How a service is reached from outside. */
export interface Way {
  readonly name: string;
  readonly family: "ipv4" | "ipv6";
  readonly router: RouterOptions;
}

export const WAYS: readonly Way[] = [
  { name: "PCP", family: "ipv4", router: { speaks: ["pcp"] } },
  { name: "NAT-PMP", family: "ipv4", router: { speaks: ["nat-pmp"] } },
  { name: "IGDv1", family: "ipv4", router: { speaks: ["upnp"], igd: 1 } },
  { name: "IGDv2", family: "ipv4", router: { speaks: ["upnp"], igd: 2 } },
  { name: "PCP's pinholes", family: "ipv6", router: { speaks: ["pcp"] } },
  { name: "AddPinhole", family: "ipv6", router: { speaks: ["upnp"], igd: 2 } },
];

/** Options of a {@linkcode Site}. */
export interface SiteOptions {
  /** @default LIFETIME_MS */
  readonly lifetimeMs?: number;
  /** Further environment of portd. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Runs a scenario over each way at once, each in a lab of its own, and ends them all before it fails. */
export async function withEach(
  ways: readonly Way[],
  scenario: (site: Site) => Promise<void>,
  options: SiteOptions = {},
): Promise<void> {
  const outcomes = await Promise.allSettled(ways.map(async (way) => {
    await using site = await Site.open(way, options);
    await scenario(site);
  }));
  const failures = outcomes.flatMap((outcome, i) =>
    outcome.status === "rejected" ? [`By ${ways[i]!.name}: ${outcome.reason.stack}`] : []
  );
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}

/** Made by {@linkcode Site.open}; disposing of it ends all of it. */
export class Site implements AsyncDisposable {
  readonly lab: Lab;
  readonly portd: HostedPortd;
  /** What the router is asked on port 5351. */
  readonly watch: RequestWatch;
  readonly #way: Way;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    way: Way,
    { lab, portd, watch }: { readonly lab: Lab; readonly portd: HostedPortd; readonly watch: RequestWatch },
    parts: AsyncDisposableStack,
  ) {
    this.#way = way;
    this.lab = lab;
    this.portd = portd;
    this.watch = watch;
    this.#parts = parts;
  }

  /** Starts the router, a service on `lan1`, and a daemon there that has leased its port and opened nothing. */
  static async open(way: Way, options: SiteOptions = {}): Promise<Site> {
    await using parts = new AsyncDisposableStack();
    const lab = parts.use(await Lab.open());
    await lab.router.start(way.router);
    const watch = parts.use(await lab.router.watch());
    const portd = parts.use(await startPortd(lab.lan1, parts, options));
    return new Site(way, { lab, portd, watch }, parts.move());
  }

  /** The address by which the internet reaches the service, as portd prints it. */
  get address(): string {
    return this.#way.family === "ipv4" ? `${EXTERNAL}:${PORT}` : `[${ADDRESSES.lan1.ipv6}]:${PORT}`;
  }

  /** Whether the router speaks PCP or NAT-PMP. */
  get isPortControl(): boolean {
    return this.#way.router.speaks?.includes("upnp") !== true;
  }

  /** Whether the router speaks a protocol with nonces. */
  get hasNonces(): boolean {
    return this.#way.router.speaks?.includes("pcp") === true;
  }

  /**
   * `portd open NAME --router`, which must succeed; it may have to be said again, as on a busy machine the search for a
   * router that answers UPnP over IPv6 does not always have its answer in time. @returns what it wrote.
   */
  async open(name = "shop/game"): Promise<string> {
    const pinhole = this.#way.family === "ipv6" ? ["--ipv6", "--no-ipv4"] : [];
    let outcome = { code: 1, said: "" };
    for (let tries = 0; outcome.code !== 0 && tries < MOST_TRIES; tries++) {
      if (tries > 0) await pause(LIFETIME_MS / 2);
      outcome = await this.portd.outcome("open", name, "--router", ...PATIENTLY, ...pinhole);
    }
    assert.equal(outcome.code, 0, outcome.said);
    return outcome.said;
  }

  /**
   * `portd close`, which must succeed, except where the router takes no deletion of what was renewed: miniupnpd forgets the
   * nonces of pinholes. Then it must say so, and that the pinhole ends soon.
   */
  async close(): Promise<void> {
    const { code, said } = await this.portd.outcome("close", "shop/game", ...PATIENTLY);
    if (this.hasNonces && this.#way.family === "ipv6" && code === 1) {
      assert.match(said, /NOT_AUTHORIZED \(2\): .*it now ends in \d+ s/);
    } else {
      assert.equal(code, 0, said);
    }
  }

  /** A daemon on `lan2`, with a service on the same port there. It uses the router by IPv4. */
  async neighbour(): Promise<HostedPortd> {
    return await startPortd(this.lab.lan2, this.#parts);
  }

  /** In which protocols the internet reaches the service. */
  async reach(port = PORT): Promise<readonly Protocol[]> {
    return await this.lab.internet.reach(this.#host, port);
  }

  async untilReached(): Promise<void> {
    await this.lab.internet.untilReached(this.#host, PORT);
  }

  async untilGone(port = PORT): Promise<void> {
    await this.lab.internet.untilGone(this.#host, port);
  }

  /** Looks again and again, for so long, whether the service is reached. */
  async staysReached(ms: number): Promise<void> {
    const start = performance.now();
    while (performance.now() < start + ms) {
      await this.#look(`after ${Math.round(performance.now() - start)} ms`);
      await pause(LOOK_MS);
    }
    await this.#look("in the end");
  }

  /**
   * Looks again for some seconds where the service is not reached: between the renewals of the two protocols of a port
   * miniupnpd lets nothing through for one of them.
   */
  async #look(when: string): Promise<void> {
    const end = performance.now() + GAP_MS;
    let reached = await this.reach();
    while (reached.length < BOTH.length && performance.now() < end) {
      await pause(500);
      reached = await this.reach();
    }
    assert.deepEqual(reached, BOTH, when);
  }

  /** Waits until what the router maps leads to these addresses, and to nothing else. */
  async untilTable(addresses: readonly string[]): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    const look = async () => (await this.lab.router.table()).map(({ internal }) => internal.address);
    let seen = await look();
    while (seen.join() !== addresses.join() && performance.now() < end) {
      await pause(1000);
      seen = await look();
    }
    assert.deepEqual(seen, addresses);
  }

  get #host(): string {
    return this.#way.family === "ipv4" ? EXTERNAL : ADDRESSES.lan1.ipv6;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]();
  }
}

/** Starts a daemon on a host that has leased a port, and a service there. */
async function startPortd(
  host: LabHost,
  parts: AsyncDisposableStack,
  { lifetimeMs = LIFETIME_MS, settings = {} }: SiteOptions = {},
): Promise<HostedPortd> {
  const portd = await HostedPortd.on(host, {
    ...settings,
    PORTD_GATEWAY_LIFETIME_MS: `${lifetimeMs}`,
    PORTD_GATEWAY_SHORTEST_LIFETIME_MS: "1000",
  });
  try {
    await portd.run("lease", "shop/game", "--port", `${PORT}`, "--both", "--pin");
    parts.use(await host.serve(PORT));
    return portd;
  } catch (error) {
    await portd[Symbol.asyncDispose]();
    throw error;
  }
}
