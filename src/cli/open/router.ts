/** The work of `portd open --router`: rule, mapping and pinhole as one exposure. Loaded only with that flag. */
import type { Lease, PortdClient, PortDescription } from "../../client/client.ts";
import type { ExposureRequest, FirewallStatus, GatewayStatus } from "../../client/wire.ts";
import { formatDuration } from "../../duration.ts";
import { messageOf, PortdError } from "../../errors.ts";
import { pause } from "../../wait.ts";
import type { CliContext } from "../context.ts";
import { Ended } from "../exit.ts";
import { writeJson, writeLine } from "../terminal.ts";
import { Bound, InterruptedError, type Part, partOf } from "./bound.ts";
import type { Chosen } from "./choose.ts";
import { extended, Opening } from "./leases.ts";
import { type OpenedLeases, reopenedOf } from "./report.ts";
import { leavingText } from "./mapping_text.ts";
import { isGlobalIpv6, judge, type Outcome, type RouterWish, type Shortcoming } from "./outcome.ts";

/** What `portd open --router` is asked for. */
export interface RouterOrder {
  readonly chosen: Chosen;
  readonly exposure: ExposureRequest;
  /** NAME|PORT as it was typed. */
  readonly target: string;
  readonly timeoutMs: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly external: number | undefined;
  readonly allOrNothing: boolean;
  /** Why the daemon cannot change the firewall; `undefined` where it can. */
  readonly rightsMissing: PortdError | undefined;
  /** Whether progress is shown. */
  readonly isQuiet: boolean;
}

/** What has come of it. */
export interface RouterOpened extends OpenedLeases {
  /** Remarks of the firewall. */
  readonly remarks: readonly string[];
  readonly status: GatewayStatus;
  readonly outcome: Outcome;
  readonly shortcomings: readonly Shortcoming[];
  /** What became of taking everything back, a sentence each; `undefined` where all of it stays. */
  readonly takenBack: readonly string[] | undefined;
}

/** How much of the time is left for the last look at what was done. */
const RESERVE_MS = 1000;
/** Between two requests for a sync, where the router has not answered the first. */
const PAUSE_MS = 500;
/** How long firewall and router may take to take everything back. */
const TAKE_BACK_MS = 5000;
/** What a shell reports of a program that Ctrl-C has ended: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;

/**
 * Opens leases at the firewall and at the router.
 *
 * @throws the reason where nothing can be opened at all: then everything is as it was, as after Ctrl-C.
 */
export async function openAtRouter(
  context: CliContext,
  client: PortdClient,
  order: RouterOrder,
): Promise<RouterOpened> {
  using bound = new Bound(context, order.timeoutMs);
  const opening = new Opening(client, order.exposure, { signal: bound.signal });
  try {
    const { leases, made } = await opening.openAll(order.chosen);
    if (!order.isQuiet) {
      writeLine(context.process.stderr, `asking the router, for at most ${formatDuration(order.timeoutMs)}`);
    }
    const wish = wishOf(context, order, leases);
    return await finish(client, order, { bound, opening, wish, made });
  } catch (error) {
    throw await afterFailure(context, error, { opening, order });
  }
}

interface Begun {
  readonly bound: Bound;
  readonly opening: Opening;
  readonly wish: Omit<RouterWish, "hasNoPort">;
  readonly made: readonly Lease[];
}

async function finish(
  client: PortdClient,
  order: RouterOrder,
  { bound, opening, wish, made }: Begun,
): Promise<RouterOpened> {
  const { leases } = wish, { rightsMissing, timeoutMs } = order, { port } = leases[0]!;
  const signal = bound.signalUntil(Math.min(RESERVE_MS, timeoutMs / 4));
  const [rules, router] = await Promise.all([
    rightsMissing === undefined
      ? partOf(client.syncFirewall({ signal }), isRefusalOfFirewall)
      : { failure: rightsMissing },
    partOf(settledGateway(client, leases, signal), () => false),
  ]);
  const last = { signal: bound.signal };
  const status = "value" in router ? router.value : await client.gateway(last);
  const [described, line] = await Promise.all([
    partOf(client.describePort(port, last), () => false),
    partOf(client.line(last), (error) => error instanceof PortdError),
  ]);
  const description = "value" in described ? described.value : undefined;
  const hasNoPort = "value" in line && line.value.usable?.length === 0;
  const outcome = judge({ ...wish, hasNoPort }, status);
  const shortcomings = [
    ...ruleShortcomings(rules, leases, { description, waited: wish.waited }),
    ...outcome.shortcomings,
  ];
  const isTakenBack = order.allOrNothing && shortcomings.length > 0;
  const takenBack = isTakenBack ? await takeBack(client, opening, leases) : undefined;
  const { backend = null, remarks = [] } = "value" in rules ? rules.value : {};
  const reopened = reopenedOf(order.chosen.leases, leases);
  return { leases, made, reopened, backend, remarks, port, description, status, outcome, shortcomings, takenBack };
}

/** Has the daemon ask the router, until that has answered for these leases. */
async function settledGateway(
  client: PortdClient,
  leases: readonly Lease[],
  signal: AbortSignal,
): Promise<GatewayStatus> {
  const ids = new Set(leases.map(({ id }) => id));
  for (;;) {
    const status = await client.syncGateway({ signal });
    if (!status.mappings.some(({ leaseId, state }) => ids.has(leaseId) && state === "making")) return status;
    await pause(PAUSE_MS, signal);
  }
}

/** Takes everything back and waits for firewall and router, for some seconds. @returns what became of it, a sentence each. */
async function takeBack(client: PortdClient, opening: Opening, leases: readonly Lease[]): Promise<readonly string[]> {
  const failures = await opening.undo();
  if (failures.length > 0) return failures.map((failure) => `not taken back: ${messageOf(failure)}`);
  const signal = AbortSignal.timeout(TAKE_BACK_MS), ids = new Set(leases.map(({ id }) => id));
  const [rules, router] = await Promise.all([
    partOf(client.syncFirewall({ signal }), isRefusalOfFirewall),
    partOf(client.syncGateway({ signal }), () => false),
  ]);
  const left = "value" in router ? router.value.mappings.filter(({ leaseId }) => ids.has(leaseId)) : [];
  return [
    "everything was taken back, as not all of it works",
    ...("failure" in rules ? [`the firewall may still have the rules: ${messageOf(rules.failure)}`] : []),
    ...("failure" in router ? ["the router may still have the mappings: it has not answered"] : []),
    ...left.filter(({ state }) => state === "leaving").map(leavingText),
  ];
}

/** @returns the error that ends the command. */
async function afterFailure(
  context: CliContext,
  error: unknown,
  { opening, order }: { readonly opening: Opening; readonly order: RouterOrder },
): Promise<unknown> {
  const { process: { stderr } } = context;
  if (error instanceof InterruptedError) {
    const failures = await opening.undo();
    const end = failures.length === 0
      ? "everything is as it was"
      : `${failures.map(messageOf).join("; ")}; ${closeHint(order)}`;
    if (order.isQuiet) writeJson(stderr, { error: { code: "interrupted", message: `interrupted: ${end}` } });
    else writeLine(stderr, `interrupted: ${end}`);
    return new Ended(EXIT_INTERRUPTED);
  }
  const final = await opening.takeBack(error);
  return final === error ? error : extended(final, `; ${closeHint(order)}`);
}

function closeHint({ target }: RouterOrder): string {
  return `close it with: portd close ${target}`;
}

function wishOf(
  context: CliContext,
  { target, ipv4, ipv6, external, timeoutMs }: RouterOrder,
  leases: readonly Lease[],
): Begun["wish"] {
  const hasGlobalIpv6 = context.interfaces().some(({ address }) => isGlobalIpv6(address));
  return { leases, target, ipv4, ipv6, external, hasGlobalIpv6, waited: formatDuration(timeoutMs) };
}

function isRefusalOfFirewall(error: unknown): boolean {
  return error instanceof PortdError && error.code === "firewall_unavailable";
}

/** What keeps the rules of the leases from being set. */
function ruleShortcomings(
  rules: Part<FirewallStatus>,
  leases: readonly Lease[],
  { description, waited }: { readonly description: PortDescription | undefined; readonly waited: string },
): readonly Shortcoming[] {
  if ("failure" in rules) {
    const { failure } = rules;
    if (!(failure instanceof PortdError)) {
      return [{ layer: "rule", message: `the firewall has not answered within ${waited}`, next: FIREWALL_STATUS }];
    }
    const { command } = failure.data, isSaid = typeof command === "string" && failure.message.includes(command);
    return [{ layer: "rule", message: failure.message, next: isSaid ? null : FIREWALL_STATUS }];
  }
  const isOurs = ({ protocol }: { readonly protocol: Lease["protocols"][number] }) =>
    leases.some(({ protocols }) => protocols.includes(protocol));
  return (description?.rules ?? []).filter((rule) =>
    isOurs(rule) && rule.state !== "set" && rule.state !== "not_needed"
  )
    .map(({ name, state }) => ({ layer: "rule", message: `the rule ${name} is ${state}`, next: FIREWALL_STATUS }));
}

const FIREWALL_STATUS = "see why: portd firewall status";
