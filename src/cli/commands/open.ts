/** `portd open`: makes a leased port reachable from outside, through the host's firewall and the router. */
import type { PortdClient, Protocol } from "../../client/client.ts";
import type { ExposureRequest } from "../../client/wire.ts";
import { PortdError } from "../../errors.ts";
import { type Profile, PROFILES } from "../../firewall/rule.ts";
import { PROTOCOLS } from "../../port/port.ts";
import { LANGUAGES } from "../../sheet/language.ts";
import type { Having } from "../answer.ts";
import {
  choiceFlag,
  COMMON_FLAGS,
  defineCommand,
  type FlagsOf,
  listFlag,
  NAME_OR_PORT,
  parsedFlag,
  switchFlag,
} from "../command.ts";
import { type CliContext, given } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { Ended, EXIT, UsageError } from "../exit.ts";
import { type NameOrPort, parseNameOrPort } from "../naming.ts";
import { Bound } from "../open/bound.ts";
import { askToLease, choose, type Chosen } from "../open/choose.ts";
import { Opening } from "../open/leases.ts";
import {
  localAddresses,
  OPEN_FIELDS,
  type OpenedLeases,
  remarksOn,
  reopenedOf,
  ROUTER_FIELDS,
  rulesOf,
  writeLeases,
} from "../open/report.ts";
import { requireRights } from "../open/rights.ts";
import type { RouterOrder } from "../open/router.ts";
import { DEFAULT_TIMEOUT_MS, parseTimeout, withLimit } from "../open/timeout.ts";
import { parsePath, parsePort, readOr } from "../parse.ts";
import { writeJson, writeLine } from "../terminal.ts";

const FLAGS = {
  router: switchFlag("Also at the router: it forwards a port of its own address"),
  external: parsedFlag("PORT", "With --router: only this port of the router's address", parsePort),
  ipv6: switchFlag("With --router: also a pinhole in the router's IPv6 firewall"),
  noIpv4: switchFlag("With --router --ipv6: only the pinhole"),
  allOrNothing: switchFlag("With --router: take everything back where a part of it fails"),
  timeout: parsedFlag("DURATION", "With --router: how long it may take (15s)", parseTimeout),
  qr: switchFlag("Draw a QR code of the first address on the terminal"),
  lang: choiceFlag(LANGUAGES, "With --router: language of the router sheet; else that of the locale"),
  html: parsedFlag("FILE", "With --router: write the router sheet to this file, as a page to print", parsePath),
  remote: listFlag(
    "WHO",
    "Who may connect: LocalSubnet (the default), any, an address or a network; several with commas",
    { parse: String, separator: "," },
  ),
  profile: listFlag(
    "PROFILE",
    "Network profiles of Windows: domain, private (both by default) and public; several with commas",
    { parse: parseProfile, separator: "," },
  ),
  out: switchFlag("For connections from this machine, not to it"),
  udp: switchFlag("The UDP port; with a port, not a name"),
  both: switchFlag("The TCP and the UDP port; with a port, not a name"),
  yes: switchFlag("Lease the port without asking where it is not leased"),
  ...COMMON_FLAGS,
};

type OpenFlags = FlagsOf<typeof FLAGS>;

export default defineCommand({
  answer: { fields: ROUTER_FIELDS },
  flags: FLAGS,
  args: [NAME_OR_PORT],
  help: `Makes the daemon keep a rule in the host's firewall for as long as the lease lives: inbound, for the
networks that this machine is on. Prints the addresses at which other machines reach the port. Needs the daemon's admin
token, and a daemon that may change the firewall. A port that is not leased is leased first, after asking: to the
process that listens on it, until that process ends; where nobody listens, until it is released. When the port cannot
be opened, everything stays as it was.

With --router a service without a lease is leased too, until it is released. The rule is for everybody, unless --remote says otherwise, and the router forwards a port to this machine
for as long as the lease lives (PCP, NAT-PMP or UPnP). Prints only addresses that the router has confirmed. Where a part
fails, the others stay, stderr says what to do, and the exit code is 1. Where no router answers, stderr has the router
sheet: what a person types into the router's page.`,
  usage: [
    "NAME|PORT [--udp|--both] [--remote WHO] [--profile PROFILE] [--out]",
    "NAME|PORT --router [--external PORT] [--ipv6 [--no-ipv4]] [--all-or-nothing] [--timeout 15s] [--qr] [--lang ja]",
    { input: "web", brief: "for the networks that this machine is on" },
    { input: "25565 --router --qr", brief: "a game server, for everybody on the internet" },
    { input: "25565 --remote any --profile private,public --yes", brief: "for everybody, without the router" },
    { input: "19132 --udp", brief: "a game server that uses UDP" },
  ],
  async run(context, flags, text) {
    refuseContradictions(flags);
    const target = parseNameOrPort(text);
    const protocols = protocolsOf(flags, target);
    const limitMs = flags.router ? flags.timeout ?? DEFAULT_TIMEOUT_MS : undefined;
    const limited = limitMs === undefined ? context : withLimit(context, limitMs);
    const client = await findDaemon(limited, flags, { withToken: true });
    const rightsMissing = await missingRights(context, client, limitMs);
    if (rightsMissing !== undefined && (!flags.router || flags.allOrNothing)) throw rightsMissing;
    const chosen = await choose(context, client, target, { protocols, leasesServices: flags.router === true });
    for (const part of chosen.unleased) await askToLease(context, chosen.port, part, flags.yes);
    const exposure = exposureOf(flags);
    if (flags.router) return await openBoth(context, flags, client, { chosen, exposure, target: text, rightsMissing });
    const opened = await openAll(client, chosen, exposure);
    await report(context, flags, client.url, opened);
  },
});

const ONLY_WITH_ROUTER = ["external", "ipv6", "noIpv4", "allOrNothing", "timeout", "lang", "html"] as const;

/** @throws {UsageError} for flags that say nothing without another one, or contradict each other. */
function refuseContradictions(flags: OpenFlags): void {
  const alone = ONLY_WITH_ROUTER.find((name) => flags[name] !== undefined);
  if (!flags.router && alone !== undefined) throw new UsageError(`Cannot use --${kebab(alone)} without --router`);
  if (flags.noIpv4 && !flags.ipv6) throw new UsageError("Cannot use --no-ipv4 without --ipv6: nothing would be opened");
  if (flags.noIpv4 && flags.external !== undefined) {
    throw new UsageError("Cannot use --external together with --no-ipv4: a pinhole leads to the port itself");
  }
  if (flags.router && flags.out) {
    throw new UsageError("Cannot use --out together with --router: the router forwards connections to this machine");
  }
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (sign) => `-${sign.toLowerCase()}`);
}

/** @throws {UsageError} with a name: a lease has protocols of its own. */
function protocolsOf({ udp, both }: OpenFlags, target: NameOrPort): readonly Protocol[] {
  if (udp && both) throw new UsageError("Cannot use --udp together with --both: leave one of them out");
  if ((udp || both) && "lease" in target) {
    throw new UsageError(
      "Cannot use --udp or --both with a name: a lease has its own protocols; name the port instead",
    );
  }
  return both ? PROTOCOLS : udp ? ["udp"] : [];
}

const ANYBODY = ["any"];

function exposureOf(flags: OpenFlags): ExposureRequest {
  const { router, external: externalPort, ipv6, noIpv4, profile: profiles, out } = flags;
  const remote = flags.remote ?? (router ? ANYBODY : undefined);
  const firewall = given({ remote, profiles, direction: out ? "out" as const : undefined });
  return router ? { firewall, gateway: given({ externalPort, ipv4: !noIpv4, ipv6: ipv6 ?? false }) } : { firewall };
}

/** Why the daemon cannot change the firewall; `undefined` where it can. */
async function missingRights(
  context: CliContext,
  client: PortdClient,
  limitMs: number | undefined,
): Promise<PortdError | undefined> {
  try {
    using bound = limitMs === undefined ? undefined : new Bound(context, limitMs);
    await requireRights(context, client, bound);
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "firewall_unavailable") throw error;
    return error;
  }
}

/** cli.ts says why imports are `as string`. */
async function openBoth(
  context: CliContext,
  flags: OpenFlags,
  client: PortdClient,
  order: Pick<RouterOrder, "chosen" | "exposure" | "target" | "rightsMissing">,
): Promise<void> {
  const { timeout: timeoutMs = DEFAULT_TIMEOUT_MS, external, json = false, allOrNothing = false } = flags;
  const { openAtRouter }: typeof import("../open/router.ts") = await import("../open/router.ts" as string);
  const { reportRouter }: typeof import("../open/router_report.ts") = await import(
    "../open/router_report.ts" as string
  );
  const wish = { ipv4: !flags.noIpv4, ipv6: flags.ipv6 ?? false, external, allOrNothing, timeoutMs };
  const opened = await openAtRouter(context, client, { ...order, ...wish, isQuiet: json });
  const { outcome: { isWithoutRouter, addresses }, takenBack, shortcomings, leases } = opened;
  const sheets = isWithoutRouter && takenBack === undefined ? await loadSheets() : undefined;
  const sheet = await sheets?.makeSheet(context, client, { leases, external, lang: flags.lang });
  const remarks = uselessFlags(flags, opened.backend);
  reportRouter(context, opened, { json, url: client.url, remarks, ...(typeof sheet === "object" && { sheet }) });
  if (!json && sheet !== undefined) sheets!.writeSheet(context, sheet);
  if (typeof sheet === "object" && flags.html !== undefined) {
    await sheets!.writePage(context, sheet, { file: flags.html, isQuiet: json });
  }
  if (flags.qr) await drawQr(context, takenBack === undefined ? addresses : []);
  if (shortcomings.length > 0) throw new Ended(EXIT.failure);
}

/** Where a router answers, no sheet is needed. */
function loadSheets(): Promise<typeof import("../open/sheet.ts")> {
  return import("../open/sheet.ts" as string);
}

async function drawQr(context: CliContext, [address]: readonly string[]): Promise<void> {
  if (address === undefined) return;
  const { writeQr }: typeof import("../open/qr.ts") = await import("../open/qr.ts" as string);
  writeQr(context, address);
}

/** What was opened without the router. */
interface Opened extends OpenedLeases {
  readonly remarks: readonly string[];
}

/** All or nothing: when anything fails, what was done before is undone. */
async function openAll(
  client: PortdClient,
  { port, leases: live, unleased }: Chosen,
  exposure: ExposureRequest,
): Promise<Opened> {
  const opening = new Opening(client, exposure);
  try {
    const { leases, made } = await opening.openAll({ port, leases: live, unleased });
    const { backend, remarks } = await client.syncFirewall();
    const description = await client.describePort(port);
    return { leases, made, reopened: reopenedOf(live, leases), backend, remarks, port, description };
  } catch (error) {
    throw await opening.takeBack(error);
  }
}

async function report(context: CliContext, flags: OpenFlags, url: string, opened: Opened): Promise<void> {
  const { leases, backend } = opened, { process: { stdout, stderr } } = context;
  const addresses = flags.out ? [] : localAddresses(context, url, opened);
  const remarks = [
    ...opened.remarks,
    ...(flags.out ? [] : remarksOn(opened)),
    ...uselessFlags(flags, backend),
  ];
  if (flags.json) {
    const answer = { lease: leases[0], leases, rules: rulesOf(opened), addresses, backend, remarks };
    return writeJson(stdout, answer satisfies Having<typeof OPEN_FIELDS>);
  }
  writeLeases(context, opened);
  for (const note of remarks) writeLine(stderr, `note: ${note}`);
  for (const address of addresses) writeLine(stdout, address);
  if (flags.qr) await drawQr(context, addresses);
}

function uselessFlags({ profile }: OpenFlags, backend: string | null): readonly string[] {
  if (profile === undefined || backend === "windows" || backend === null) return [];
  return [`--profile does nothing: ${backend} has none`];
}

function parseProfile(text: string): Profile {
  return readOr(PROFILES.find((profile) => profile === text), "domain, private or public");
}
