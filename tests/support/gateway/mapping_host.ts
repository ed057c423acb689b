/** A mapper on a host behind a router in memory: its file, its network and its clock are the test's. */
import type { NetworkFacts } from "../../../src/adapters/adapters.ts";
import { PortdError } from "../../../src/errors.ts";
import { type Family, GATEWAY_PROTOCOLS } from "../../../src/gateway/gateway.ts";
import { Mapper, type MapperParts } from "../../../src/gateway/mapper.ts";
import type { Mapping, MappingEvent, WantedMapping } from "../../../src/gateway/mapping.ts";
import type { MappingRecord } from "../../../src/gateway/record.ts";
import { FakeClock } from "../clock.ts";
import { homeNetwork } from "../network.ts";
import { MemoryRouter } from "./memory_router.ts";

const ID = "01K0000000000000000000000";

/** One of a lease's wishes. */
export function wish(part: Partial<WantedMapping> = {}): WantedMapping {
  const { port = 20_417, protocol = "tcp", family = "ipv4" } = part;
  const leaseId = part.leaseId ?? `${ID}${(port % 32).toString(32).toUpperCase()}`;
  return { leaseId, lease: `lease-${port}`, family, protocol, port, wantedPort: null, lifetimeMs: 3_600_000, ...part };
}

/** A host with a portd. */
export class MappingHost implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly router = new MemoryRouter(this.clock);
  /** What is on the disk. */
  readonly disk = new Map<string, MappingRecord>();
  readonly events: MappingEvent[] = [];
  readonly logged: string[] = [];
  wanted: WantedMapping[] = [];
  network: Pick<NetworkFacts, "adapters" | "internet"> = homeNetwork();
  line: MapperParts["line"] = () => undefined;
  isDiskFull = false;
  protocols: MapperParts["protocols"] = GATEWAY_PROTOCOLS;
  /** Called before each write. */
  beforeWrite: () => Promise<void> = () => Promise.resolve();
  #run = { isAlive: true };
  mapper: Mapper;

  constructor(prepare: (host: MappingHost) => void = () => {}) {
    prepare(this);
    this.mapper = this.#start();
  }

  /** The mappings of leases. */
  get mappings(): readonly Mapping[] {
    return this.mapper.status().mappings;
  }

  get types(): readonly string[] {
    return this.events.map(({ type }) => type.replace("mapping.", ""));
  }

  /** Other mappings are wanted; the mapper does what is to be done now. */
  async want(...wanted: WantedMapping[]): Promise<void> {
    this.wanted = wanted;
    this.mapper.request();
    await this.settle();
  }

  /** Time passes, in steps, with all that the mapper does meanwhile. */
  async pass(ms: number, stepMs = 10_000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await this.settle();
    }
  }

  /** The mapper has done what is to be done now; the pauses between its steps count as no time. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 50; quiet++) await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (let quiet = 0; quiet < 50; quiet++) await Promise.resolve();
  }

  /** portd is killed and started again. What it was waiting for never comes. */
  crash(): void {
    this.#run.isAlive = false;
    this.mapper = this.#start();
    this.mapper.request();
  }

  /** portd stops and starts again. */
  async restart(): Promise<void> {
    await this.mapper.close();
    this.crash();
    await this.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#run.isAlive = false;
    const closing = this.mapper.close();
    this.clock.advance(1000);
    await closing;
  }

  #start(): Mapper {
    const run = this.#run = { isAlive: true }, isAlive = () => run.isAlive;
    const never = () => new Promise<never>(() => {});
    const write = async (work: () => void) => {
      await this.beforeWrite();
      if (!isAlive()) return await never();
      if (this.isDiskFull) throw new PortdError("store_unavailable", "Cannot write leases.db: the disk is full");
      work();
    };
    return new Mapper({
      wanted: () => this.wanted,
      file: {
        read: () => [...this.disk.values()],
        put: (records) => write(() => records.forEach((record) => this.disk.set(record.nonce, record))),
        remove: (nonce) => write(() => void this.disk.delete(nonce)),
      },
      readNetwork: () => Promise.resolve(this.network),
      open: ({ route }) => {
        if (!isAlive()) return never();
        this.router.asked.open++;
        const family: Family = route.address.includes(":") ? "ipv6" : "ipv4";
        const { isSilent } = this.router.habits;
        if (isSilent) return Promise.resolve({ gateway: null, refusals: [{ reason: "The router has not answered" }] });
        const options = { localAddress: route.address, address: route.gateway!, isAlive };
        return Promise.resolve({ gateway: this.router.gateway(family, options), refusals: [] });
      },
      protocols: this.protocols,
      line: () => this.line(),
      clock: {
        now: () => this.clock.now(),
        monotonic: () => this.clock.monotonic(),
        after: (ms, callback) => this.clock.after(ms, () => isAlive() && callback()),
      },
      publish: (event) => isAlive() && this.events.push(event),
      log: (line) => isAlive() && this.logged.push(line),
    });
  }
}
