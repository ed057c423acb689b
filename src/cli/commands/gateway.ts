/** `portd gateway status|list|sync`: the router, and the mappings that portd has there. */
import { buildRouteMap } from "@stricli/core";
import type { GatewaySide, GatewayStatus, Mapping } from "../../client/wire.ts";
import { fieldsOf } from "../answer.ts";
import { defineCommand } from "../command.ts";
import type { CliProcess, TextStream } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { EXIT } from "../exit.ts";
import { insideText, outsideText, protocolName } from "../open/mapping_text.ts";
import { type Cell, shortenMiddle, writeTable } from "../table.ts";
import { type Fact, type Style, writeFacts, writeJson, writeLine } from "../terminal.ts";

const HEAD = [
  { title: "LEASE", least: 12, cut: shortenMiddle },
  { title: "OUTSIDE", least: 20, cut: shortenMiddle },
  { title: "INSIDE", least: 14, cut: shortenMiddle, spare: 1 },
  { title: "VIA", spare: 2 },
  "STATE",
  { title: "REASON", least: 20, wraps: true },
] as const;

const STYLES: Readonly<Record<Mapping["state"], Style>> = {
  set: "green",
  making: "yellow",
  leaving: "yellow",
  failed: "red",
  unusable: "red",
};

const FIELDS = fieldsOf<GatewayStatus>({ ipv4: true, ipv6: true, mappings: true, faults: true });
const MAPPING_FIELDS = fieldsOf<Mapping>({
  lease: true,
  leaseId: true,
  family: true,
  protocol: true,
  internal: true,
  external: true,
  wantedPort: true,
  state: true,
  reason: true,
  via: true,
  expiresAt: true,
});

const status = defineCommand({
  answer: { fields: FIELDS },
  brief: "Show the router, its outer address, and what keeps mappings from being made",
  help:
    `Shows the router as it was last seen, its outer address, and what keeps mappings from being made. Asks the router
nothing: portd gateway sync does. Exit code 1 where a lease wants a mapping and does not have it.`,
  async run(context, flags) {
    const client = await findDaemon(context, flags);
    report(context.process, flags.json, await client.gateway(), (process, found) => writeStatus(process, found));
  },
});

const list = defineCommand({
  answer: { fields: MAPPING_FIELDS, list: "mappings" },
  brief: "List the mappings that leases want, and how each stands",
  help:
    `Lists the mappings that leases want, with the address at which the internet finds each: set, making (asked for),
failed, unusable (granted, but nothing arrives), or leaving (no lease wants it, and the router has not deleted it yet).
Exit code 1 where a lease wants a mapping and does not have it.`,
  async run(context, flags) {
    const client = await findDaemon(context, flags);
    report(context.process, flags.json, await client.gateway(), writeList);
  },
});

const sync = defineCommand({
  answer: { fields: FIELDS },
  brief: "Ask the router now, and make the mappings those that leases want",
  help:
    `Has the daemon look for the router and make the mappings those that leases want, now. Prints how they then stand.
Needs the daemon's admin token. Exit code 1 where no router answers, or a lease wants a mapping and does not have it.`,
  async run(context, flags) {
    const client = await findDaemon(context, flags, { withToken: true });
    const synced = await client.syncGateway();
    report(context.process, flags.json, synced, (process, found) => {
      writeStatus(process, found, { wasAsked: true });
      if (found.mappings.length > 0) writeList(process, found);
    });
    if (synced.ipv4 === null && synced.ipv6 === null) context.process.exitCode = EXIT.failure;
  },
});

export default buildRouteMap({
  routes: { status, list, sync },
  docs: { brief: "Show the router and the mappings that portd has there" },
});

function report(
  process: CliProcess,
  json: boolean | undefined,
  found: GatewayStatus,
  write: (process: CliProcess, found: GatewayStatus) => void,
): void {
  if (json) writeJson(process.stdout, found);
  else write(process, found);
  if (found.mappings.some(({ state }) => state === "failed" || state === "unusable")) process.exitCode = EXIT.failure;
}

function writeStatus(
  { stdout }: { readonly stdout: TextStream },
  found: GatewayStatus,
  { wasAsked = found.faults.length > 0 } = {},
): void {
  const { ipv4, ipv6, mappings, faults } = found;
  writeFacts(stdout, [
    ...(ipv4 === null ? [["router", absenceText(wasAsked)] as const] : sideFacts("router", ipv4)),
    ...(ipv6 === null ? [] : sideFacts("IPv6", ipv6)),
    ["mappings", countText(mappings)],
    ...faults.map((fault): Fact => ["fault", fault, "red"]),
  ]);
}

function sideFacts(name: string, side: GatewaySide): readonly Fact[] {
  const called = side.name === null ? "" : `, ${side.name}`;
  return [
    [name, `${side.address} (${protocolName(side.protocol)})${called}`],
    ...(side.family === "ipv4"
      ? [["address", side.externalAddress ?? "unknown: the router has none, or does not say it"] as Fact]
      : []),
  ];
}

function absenceText(wasAsked: boolean): string {
  return wasAsked ? "none answers" : "none was looked for: portd gateway sync does";
}

function countText(mappings: readonly Mapping[]): string {
  if (mappings.length === 0) return "none";
  const states = [...Map.groupBy(mappings, ({ state }) => state)].map(([state, { length }]) => `${length} ${state}`);
  return states.join(", ");
}

function writeList({ stdout, stderr }: Pick<CliProcess, "stdout" | "stderr">, { mappings }: GatewayStatus): void {
  if (mappings.length === 0) return writeLine(stderr, "no mappings");
  const rows = mappings.map((mapping): Cell[] => [
    mapping.lease,
    mapping.external === null ? `- /${mapping.protocol}` : outsideText(mapping),
    insideText(mapping),
    mapping.via === null ? "-" : protocolName(mapping.via),
    [mapping.state, STYLES[mapping.state]],
    mapping.reason ?? "-",
  ]);
  writeTable(stdout, HEAD, rows);
}
