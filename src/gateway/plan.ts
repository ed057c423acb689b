/** What the mapper does next: pure, from what is wanted, what the file remembers and which routers answer. */
import type { InternetRoute } from "../adapters/adapters.ts";
import type { Line } from "../line/line.ts";
import { chooseExternalPort, type ChosenPort, type PortRefusal, refusalText } from "../line/port_choice.ts";
import { isWithin } from "../port/port.ts";
import type { Entry } from "./entry.ts";
import type { Family, Gateway } from "./gateway.ts";
import type { WantedMapping } from "./mapping.ts";
import { type MappingRecord, placeKey, wishKey } from "./record.ts";

/** What has failed, and when it is tried again, on the clock since boot. */
export interface Trial {
  readonly failures: number;
  readonly notBefore: number;
  readonly reason: string;
  /** External ports that are others'. */
  readonly taken: readonly number[];
}

/** What a plan is made of. */
export interface View {
  /** On the clock since boot. */
  readonly now: number;
  /** By {@linkcode wishKey}. */
  readonly wanted: ReadonlyMap<string, WantedMapping>;
  readonly entries: readonly Entry[];
  /** By {@linkcode wishKey}, and of mappings that leave by their nonce. */
  readonly trials: ReadonlyMap<string, Trial>;
  readonly side: (family: Family) => SideView;
  readonly line: KnownLine | undefined;
}

/** What of the line decides about ports. */
export type KnownLine = Pick<Line, "verdict" | "portSet" | "usable" | "externalAddress">;

/** The router as a plan sees it. */
export interface SideView {
  readonly route: InternetRoute | null | undefined;
  readonly gateway: Gateway | null;
  readonly obstacle: string | null;
}

/** What is to be done. Only the last three ask the router. */
export type Step =
  /** No lease wants these any more, or not from this address, router or port. */
  | { readonly kind: "retire"; readonly entries: readonly Entry[] }
  /** A mapping that was to be deleted is wanted again, perhaps by another lease. */
  | { readonly kind: "adopt"; readonly entry: Entry; readonly wish: WantedMapping }
  /** The router has ended it by itself. */
  | { readonly kind: "forget"; readonly entry: Entry }
  | { readonly kind: "renew"; readonly entry: Entry; readonly wish: WantedMapping }
  | { readonly kind: "unmap"; readonly entry: Entry }
  | { readonly kind: "make"; readonly wish: WantedMapping; readonly port: number };

/** What is to be done now; `undefined` where nothing is. */
export function nextStep(view: View): Step | undefined {
  const current = currentOf(view);
  const leaving = view.entries.filter(({ record }) => record.leavingAt !== null);
  return retirement(view, current) ?? adoption(view, current, leaving) ?? renewal(view, current) ??
    removal(view, leaving) ?? making(view, current, leaving);
}

/** When there may be something to do without a change from outside, on the clock since boot. */
export function nextAt(view: View): number {
  const current = currentOf(view);
  const tryAt = (key: string, at: number) => Math.max(at, view.trials.get(key)?.notBefore ?? -Infinity);
  const times = view.entries.map((entry) => {
    const { record } = entry;
    if (record.leavingAt === null) return isReachable(view, record) ? tryAt(wishKey(record), entry.renewAt) : Infinity;
    return Math.min(entry.keptUntil, isReachable(view, record) ? tryAt(record.nonce, -Infinity) : Infinity);
  });
  for (const [key, wish] of view.wanted) {
    if (!current.has(key) && obstacleOf(view, wish) === null) times.push(tryAt(key, -Infinity));
  }
  return times.reduce((a, b) => Math.min(a, b), Infinity);
}

/** Why a wanted mapping cannot even be asked for, a sentence; null where it can, or no router was looked for yet. */
export function obstacleOf(view: View, wish: WantedMapping): string | null {
  const { obstacle } = view.side(wish.family);
  if (obstacle !== null) return obstacle;
  const choice = externalPortFor(view, wish);
  return choice.port === null ? refusalText(choice) : null;
}

/** The mappings that are wanted and remembered, by {@linkcode wishKey}. */
export function currentOf({ entries }: Pick<View, "entries">): ReadonlyMap<string, Entry> {
  return new Map(
    entries.filter(({ record }) => record.leavingAt === null).map((entry) => [wishKey(entry.record), entry]),
  );
}

/** The external port to ask for: of both protocols of a lease the same, and none that another lease has. */
export function externalPortFor(view: View, wish: WantedMapping): ChosenPort | PortRefusal {
  if (wish.family === "ipv6") return { port: wish.port };
  const others = new Set(view.trials.get(wishKey(wish))?.taken);
  let sibling: number | undefined;
  for (const { record: { leaseId, family, external, askedPort } } of view.entries) {
    if (family !== "ipv4") continue;
    if (leaseId !== wish.leaseId) others.add(external?.port ?? askedPort);
    else if (external !== null) sibling = external.port;
  }
  const isTaken = (port: number) => others.has(port);
  const { line } = view, usable = line?.usable ?? null;
  const isGood = sibling !== undefined && !isTaken(sibling) && (usable === null || isWithin(usable, sibling));
  if (wish.wantedPort === null && isGood) return { port: sibling! };
  return chooseExternalPort(line, wish.wantedPort, wish.port, { isTaken });
}

/** Whether the router that is spoken to is the one that has the mapping, and lets this host change it. */
export function isReachable(view: View, record: MappingRecord): boolean {
  const { gateway } = view.side(record.family);
  if (gateway === null || gateway.address !== record.gateway.address) return false;
  if (gateway.protocol !== record.gateway.protocol) return false;
  // PCP and NAT-PMP take the address of the packet for that of the mapping.
  return gateway.protocol === "upnp" || gateway.localAddress === record.internal.address;
}

function retirement(view: View, current: ReadonlyMap<string, Entry>): Step | undefined {
  const entries = [...current].filter(([key, { record }]) => !isStillRight(view, view.wanted.get(key), record));
  return entries.length === 0 ? undefined : { kind: "retire", entries: entries.map(([, entry]) => entry) };
}

function isStillRight(view: View, wish: WantedMapping | undefined, record: MappingRecord): boolean {
  if (wish === undefined || wish.port !== record.internal.port || hasMoved(view, record)) return false;
  const port = record.external?.port ?? record.askedPort;
  if (wish.family === "ipv6") return true;
  if (wish.wantedPort !== null) return wish.wantedPort === port;
  const usable = view.line?.usable ?? null;
  if (usable === null || isWithin(usable, port)) return true;
  // The line cannot have it: another one is asked for, unless the router was asked for another one already.
  const { port: better } = externalPortFor({ ...view, entries: view.entries.filter((e) => e.record !== record) }, wish);
  return better === null || better === record.askedPort;
}

/** Whether our address or the router is another one since. */
export function hasMoved(view: View, record: MappingRecord): boolean {
  const { route, gateway } = view.side(record.family);
  if (gateway !== null) {
    const { address, protocol, localAddress } = gateway;
    return address !== record.gateway.address || protocol !== record.gateway.protocol ||
      localAddress !== record.internal.address;
  }
  return route !== undefined && route !== null && route.address !== record.internal.address;
}

/** A router has one mapping of an endpoint: where there is one already, it is taken over with its nonce. */
function adoption(
  view: View,
  current: ReadonlyMap<string, Entry>,
  leaving: readonly Entry[],
): Step | undefined {
  if (leaving.length === 0) return undefined;
  const places = new Map(leaving.map((entry) => [placeKey(entry.record), entry]));
  for (const [key, wish] of view.wanted) {
    if (current.has(key)) continue;
    const entry = placeOf(view, wish, places);
    if (entry === undefined) continue;
    const port = entry.record.external?.port ?? entry.record.askedPort;
    const isFitting = wish.wantedPort === null ? isUsable(view, wish, port) : wish.wantedPort === port;
    if (wish.family === "ipv6" || isFitting) return { kind: "adopt", entry, wish };
  }
}

function isUsable({ line }: View, { family }: WantedMapping, port: number): boolean {
  return family === "ipv6" || !line?.usable || isWithin(line.usable, port);
}

/** The mapping that the router has of the endpoint of a wish. */
function placeOf(view: View, wish: WantedMapping, places: ReadonlyMap<string, Entry>): Entry | undefined {
  const { gateway } = view.side(wish.family);
  if (gateway === null) return undefined;
  const internal = { address: gateway.localAddress, port: wish.port };
  return places.get(placeKey({ ...wish, internal, gateway }));
}

function renewal(view: View, current: ReadonlyMap<string, Entry>): Step | undefined {
  const isDue = (key: string, { renewAt, record }: Entry) =>
    renewAt <= view.now && !isResting(view, key) && isReachable(view, record);
  const due = [...current].filter(([key, entry]) => isDue(key, entry)).map(([, entry]) => entry);
  const first = due.reduce<Entry | undefined>((a, b) => a === undefined || b.renewAt < a.renewAt ? b : a, undefined);
  if (first === undefined) return undefined;
  const entry = due.find((each) => isSibling(each.record, first.record) && isMadeBefore(each, first)) ?? first;
  return { kind: "renew", entry, wish: view.wanted.get(wishKey(entry.record))! };
}

/** Whether two mappings are the protocols of one port of this host. */
export function isSibling(a: MappingRecord, b: MappingRecord): boolean {
  return a.family === b.family && a.protocol !== b.protocol && a.internal.port === b.internal.port &&
    a.internal.address === b.internal.address;
}

/**
 * Whether the router has made one of two siblings first. They are renewed in that order: miniupnpd 2.3 on nftables, as many
 * routers have it, removes the newest of its firewall's rules for the port when it renews or deletes a mapping, of whichever
 * protocol that is. Where the older one is renewed last, nothing of the other one passes any more, though it is mapped.
 */
export function isMadeBefore({ record: a }: Entry, { record: b }: Entry): boolean {
  const [first, second] = [a, b].map(({ madeAt }) => madeAt ?? Infinity) as [number, number];
  return first === second ? a.protocol < b.protocol : first < second;
}

function removal(view: View, leaving: readonly Entry[]): Step | undefined {
  const ended = leaving.find(({ keptUntil }) => keptUntil <= view.now);
  if (ended !== undefined) return { kind: "forget", entry: ended };
  const entry = leaving.find(({ record }) => !isResting(view, record.nonce) && isReachable(view, record));
  return entry && { kind: "unmap", entry };
}

function making(view: View, current: ReadonlyMap<string, Entry>, leaving: readonly Entry[]): Step | undefined {
  const places = new Map(leaving.map((entry) => [placeKey(entry.record), entry]));
  for (const [key, wish] of view.wanted) {
    if (current.has(key) || isResting(view, key) || view.side(wish.family).gateway === null) continue;
    if (obstacleOf(view, wish) !== null || placeOf(view, wish, places) !== undefined) continue;
    return { kind: "make", wish, port: externalPortFor(view, wish).port! };
  }
}

function isResting({ trials, now }: View, key: string): boolean {
  return (trials.get(key)?.notBefore ?? -Infinity) > now;
}
