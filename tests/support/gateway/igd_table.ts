/** What a fake router keeps: the tables and actions of WANIPConnection and WANIPv6FirewallControl, with faults. */
import type { Clock } from "../../../src/clock.ts";
import type { Protocol } from "../../../src/port/port.ts";

/** A mapping in the table. */
export interface IgdEntry {
  readonly protocol: Protocol;
  readonly externalPort: number;
  readonly client: string;
  readonly clientPort: number;
  readonly description: string;
  readonly isEnabled: boolean;
  /** On the clock; null is without end. */
  readonly endsAt: number | null;
}

/** A pinhole. */
export interface IgdPinhole {
  readonly client: string;
  readonly clientPort: number;
  readonly protocolNumber: number;
  readonly endsAt: number;
}

/** What a router does wrong, or otherwise than most. All may be changed while it runs. */
export interface IgdFaults {
  /** Error codes by the names of actions. */
  errors: Record<string, number>;
  /** AddPortMapping succeeds and makes nothing. */
  makesNothing: boolean;
  /** AddPortMapping makes the mapping on the next external port. */
  makesNextPort: boolean;
  /** The mapping leads to the next internal port. */
  leadsToNextPort: boolean;
  makesDisabled: boolean;
  /** Error 725. */
  permanentOnly: boolean;
  /** The lease is granted no longer than this, in seconds. */
  longestLeaseS: number;
  /** And no shorter. */
  shortestLeaseS: number;
  /** Every entry is said to have lease 0. */
  hidesLease: boolean;
  /** Error 724. */
  samePortsOnly: boolean;
  /** Error 606 for external ports below. */
  firstPort: number;
  /** Another host's mapping is replaced. */
  overwrites: boolean;
  /** Error 718 for a mapping that is the asking host's own. */
  renewsNothing: boolean;
  externalAddress: string;
  connectionStatus: string;
  firewallEnabled: boolean;
  inboundPinholeAllowed: boolean;
}

/** No faults. The external address is one that the internet could have. */
export const SOUND: IgdFaults = {
  errors: {},
  makesNothing: false,
  makesNextPort: false,
  leadsToNextPort: false,
  makesDisabled: false,
  permanentOnly: false,
  longestLeaseS: 604_800,
  shortestLeaseS: 1,
  hidesLease: false,
  samePortsOnly: false,
  firstPort: 1,
  overwrites: false,
  renewsNothing: false,
  externalAddress: "11.22.33.44",
  connectionStatus: "Connected",
  firewallEnabled: true,
  inboundPinholeAllowed: true,
};

/** An action as it was called. */
export interface IgdCall {
  readonly action: string;
  readonly values: ReadonlyMap<string, string>;
  /** Who called. */
  readonly from: string;
}

/** What an action answers; a number is an error code. */
export type IgdAnswer = Readonly<Record<string, string | number>> | number;

/** The tables of a router. */
export class IgdTable {
  readonly version: 1 | 2;
  faults: IgdFaults = { ...SOUND };
  /** Every action that was called. */
  readonly calls: IgdCall[] = [];
  readonly #clock: Clock;
  #entries = new Map<string, IgdEntry>();
  #pinholes = new Map<number, IgdPinhole>();
  #lastId = 0;

  constructor(version: 1 | 2, clock: Clock) {
    this.version = version;
    this.#clock = clock;
  }

  /** What has not ended. */
  get entries(): readonly IgdEntry[] {
    return [...this.#entries.values()].filter((entry) => this.#lives(entry));
  }

  get pinholes(): ReadonlyMap<number, IgdPinhole> {
    return new Map([...this.#pinholes].filter(([, pinhole]) => this.#lives(pinhole)));
  }

  /** Somebody else makes a mapping. */
  put(entry: Partial<IgdEntry> & Pick<IgdEntry, "protocol" | "externalPort">): void {
    const others = { client: "192.0.2.77", clientPort: 7777, description: "other", isEnabled: true, endsAt: null };
    this.#entries.set(keyOf(entry), { ...others, ...entry });
  }

  /** Its table is lost without a word; ids of pinholes begin at 1 again. */
  forget(): void {
    this.#entries.clear();
    this.#pinholes.clear();
    this.#lastId = 0;
  }

  /** Does an action. */
  call(call: IgdCall): IgdAnswer {
    this.calls.push(call);
    const error = this.faults.errors[call.action];
    if (error !== undefined) return error;
    const action = this.#actions[call.action];
    return action === undefined ? 401 : action(call);
  }

  readonly #actions: Readonly<Record<string, (call: IgdCall) => IgdAnswer>> = {
    GetExternalIPAddress: () => ({ NewExternalIPAddress: this.faults.externalAddress }),
    GetStatusInfo: () => ({
      NewConnectionStatus: this.faults.connectionStatus,
      NewLastConnectionError: "ERROR_NONE",
      NewUptime: 60,
    }),
    AddPortMapping: (call) => this.#add(call, portOf(call, "NewExternalPort")),
    AddAnyPortMapping: (call) => this.#addAny(call),
    DeletePortMapping: (call) => this.#delete(call),
    GetSpecificPortMappingEntry: (call) => this.#answer(this.#find(keyOfCall(call)), 714),
    GetGenericPortMappingEntry: ({ values }) =>
      this.#answer(this.entries[Number(values.get("NewPortMappingIndex"))], 713),
    GetFirewallStatus: () => ({
      FirewallEnabled: Number(this.faults.firewallEnabled),
      InboundPinholeAllowed: Number(this.faults.inboundPinholeAllowed),
    }),
    AddPinhole: (call) => this.#addPinhole(call),
    UpdatePinhole: (call) => this.#updatePinhole(call),
    DeletePinhole: (call) => this.#ofPinhole(call, (id) => (this.#pinholes.delete(id), {})),
    GetPinholePackets: (call) => this.#ofPinhole(call, () => ({ PinholePackets: 0 })),
  };

  #add(call: IgdCall, externalPort: number): IgdAnswer {
    const { values, from } = call, faults = this.faults;
    const lease = Number(values.get("NewLeaseDuration")), clientPort = portOf(call, "NewInternalPort");
    if (externalPort === 0) return 716;
    if (clientPort === 0) return 402;
    if (values.get("NewRemoteHost") !== "") return 726;
    if (values.get("NewInternalClient") !== from) return 606; // as routers do that are set to be secure
    if (externalPort < faults.firstPort) return 606;
    if (faults.permanentOnly && lease !== 0) return 725;
    if (faults.samePortsOnly && externalPort !== clientPort) return 724;
    const protocol = protocolOf(call), before = this.#find(keyOf({ protocol, externalPort }));
    if (before !== undefined && (before.client !== from || faults.renewsNothing) && !faults.overwrites) return 718;
    if (faults.makesNothing) return {};
    this.put({
      protocol,
      externalPort: externalPort + Number(faults.makesNextPort),
      client: from,
      clientPort: clientPort + Number(faults.leadsToNextPort),
      description: values.get("NewPortMappingDescription") ?? "",
      isEnabled: values.get("NewEnabled") === "1" && !faults.makesDisabled,
      endsAt: this.#endOf(lease),
    });
    return {};
  }

  /** IGDv1 takes 0 for no end, IGDv2 for a week. */
  #endOf(lease: number): number | null {
    if (lease === 0 && (this.version === 1 || this.faults.permanentOnly)) return null;
    const { longestLeaseS, shortestLeaseS } = this.faults;
    return this.#clock.monotonic() + 1000 * Math.max(shortestLeaseS, Math.min(lease || 604_800, longestLeaseS));
  }

  #addAny(call: IgdCall): IgdAnswer {
    if (this.version === 1) return 401;
    for (let port = portOf(call, "NewExternalPort"); port <= 65535; port++) {
      const before = this.#find(keyOf({ protocol: protocolOf(call), externalPort: port }));
      const answer = before !== undefined && before.client !== call.from ? 718 : this.#add(call, port);
      if (answer !== 718) return typeof answer === "number" ? answer : { NewReservedPort: port };
    }
    return 728;
  }

  #delete(call: IgdCall): IgdAnswer {
    const entry = this.#find(keyOfCall(call));
    if (entry === undefined) return 714;
    if (entry.client !== call.from) return 606;
    this.#entries.delete(keyOf(entry));
    return {};
  }

  #find(key: string): IgdEntry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#lives(entry) ? entry : undefined;
  }

  #lives({ endsAt }: IgdEntry | IgdPinhole): boolean {
    return endsAt === null || endsAt > this.#clock.monotonic();
  }

  #answer(entry: IgdEntry | undefined, error: number): IgdAnswer {
    if (entry === undefined) return error;
    const leftS = entry.endsAt === null ? 0 : Math.ceil((entry.endsAt - this.#clock.monotonic()) / 1000);
    const external = {
      NewRemoteHost: "",
      NewExternalPort: entry.externalPort,
      NewProtocol: entry.protocol.toUpperCase(),
    };
    return {
      ...(error === 713 ? external : {}),
      NewInternalPort: entry.clientPort,
      NewInternalClient: entry.client,
      NewEnabled: Number(entry.isEnabled),
      NewPortMappingDescription: entry.description,
      NewLeaseDuration: this.faults.hidesLease ? 0 : leftS,
    };
  }

  #addPinhole(call: IgdCall): IgdAnswer {
    const { values, from } = call, client = values.get("InternalClient") ?? "", lease = Number(values.get("LeaseTime"));
    const clientPort = portOf(call, "InternalPort"), protocolNumber = Number(values.get("Protocol"));
    if (!this.faults.firewallEnabled) return 702;
    if (!this.faults.inboundPinholeAllowed) return 703;
    if (lease < 1 || lease > 86_400) return 402;
    if (client !== from) return 606;
    if (clientPort === 0) return 706;
    if (protocolNumber !== 6 && protocolNumber !== 17) return 705;
    const endsAt = this.#clock.monotonic() + 1000 * lease;
    for (const [id, before] of this.pinholes) {
      if (before.client !== client || before.clientPort !== clientPort) continue;
      if (before.protocolNumber === protocolNumber) return { UniqueID: id }; // its lease is not changed, as in miniupnpd
    }
    this.#pinholes.set(++this.#lastId, { client, clientPort, protocolNumber, endsAt });
    return { UniqueID: this.#lastId };
  }

  #updatePinhole(call: IgdCall): IgdAnswer {
    const endsAt = this.#clock.monotonic() + 1000 * Number(call.values.get("NewLeaseTime"));
    return this.#ofPinhole(call, (id, pinhole) => (this.#pinholes.set(id, { ...pinhole, endsAt }), {}));
  }

  #ofPinhole({ values, from }: IgdCall, action: (id: number, pinhole: IgdPinhole) => IgdAnswer): IgdAnswer {
    const id = Number(values.get("UniqueID")), pinhole = this.pinholes.get(id);
    if (pinhole === undefined) return 704;
    return pinhole.client === from ? action(id, pinhole) : 606;
  }
}

function keyOf({ protocol, externalPort }: Pick<IgdEntry, "protocol" | "externalPort">): string {
  return `${protocol} ${externalPort}`;
}

function keyOfCall(call: IgdCall): string {
  return keyOf({ protocol: protocolOf(call), externalPort: portOf(call, "NewExternalPort") });
}

function protocolOf({ values }: IgdCall): Protocol {
  return values.get("NewProtocol") === "UDP" ? "udp" : "tcp";
}

function portOf({ values }: IgdCall, name: string): number {
  return Number(values.get(name) ?? 0);
}
