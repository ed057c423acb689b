/** The schemas of requests. check.ts names the field, its value and what would work in each refusal. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { NONCE_TEXT } from "../src/checker/probe.ts";
import type {
  AmendRequest,
  ExposureRequest,
  LeaseFilter,
  LeaseRequest,
  LifetimeRequest,
  PortRequest,
  RenewRequest,
} from "../src/client/wire.ts";
import { describeChoices } from "../src/errors.ts";
import { FAMILIES } from "../src/gateway/gateway.ts";
import { HOLD_KINDS } from "../src/hold/hold.ts";
import { LEASE_STATES, LIFETIME_KINDS } from "../src/lease/lease.ts";
import type { TransferredLease } from "../src/lease/lease_document.ts";
import type { SocketQuery } from "../src/listener/listener.ts";
import { TCP_STATES } from "../src/os/socket.ts";
import { HIGHEST_PORT, portExpected, type PortRange, PROTOCOLS } from "../src/port/port.ts";
import { ORIGINS, type ReachRequest } from "../src/reach/reach.ts";
import { durationMs, type Fields, JSON_OBJECT, listOf, oneOf, text, wholeNumber } from "./fields.ts";

const flag = z.boolean({ error: "true or false" });
const port = wholeNumber(1, HIGHEST_PORT, portExpected());
const anyPort = wholeNumber(0, HIGHEST_PORT, portExpected(0));
const name = text(/^[A-Za-z0-9._+@-]{1,64}$/, "1 to 64 of the characters A-Z a-z 0-9 . _ + @ -");
const project = text(
  /^(?=.{1,200}$)[A-Za-z0-9._+@~-]+(\/[A-Za-z0-9._+@~-]+)*$/,
  "1 to 200 of the characters A-Z a-z 0-9 . _ + @ ~ -, in parts separated by /",
);
/** `project/name`, or a name alone. */
const fullName = text(
  /^(?=.{1,265}$)(?:[A-Za-z0-9._+@~-]+\/)*[A-Za-z0-9._+@-]{1,64}$/,
  "project/name: 1 to 265 of the characters A-Z a-z 0-9 . _ + @ ~ -, in parts separated by /",
);
const PROTOCOL_LISTS = '["tcp"], ["udp"] or ["tcp", "udp"]';
const protocols = listOf(oneOf(PROTOCOLS, PROTOCOL_LISTS), { most: PROTOCOLS.length, expected: PROTOCOL_LISTS })
  .refine((list) => new Set(list).size === list.length, { error: PROTOCOL_LISTS });

const RANGE = 'an object like {"first": 3000, "last": 3999}';
const range = z.strictObject({ first: port, last: port } satisfies Fields<PortRange>, { error: RANGE })
  .refine(({ first, last }) => first <= last, { error: `${RANGE}, the first not above the last` });

const LIFETIME = `an object whose "kind" is ${describeChoices(LIFETIME_KINDS)}`;
const lifetime = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("listener"),
    claimMs: durationMs(1000).optional(),
    graceMs: durationMs(0).optional(),
  }),
  z.strictObject({ kind: z.literal("process"), graceMs: durationMs(0).optional() }),
  z.strictObject({ kind: z.literal("ttl"), ttlMs: durationMs(1000) }),
  z.strictObject({ kind: z.literal("pinned") }),
], { error: LIFETIME }) satisfies z.ZodType<LifetimeRequest>;

/** Every lease has its own holder and labels in the file, also when one request gets 256 leases. */
const MOST_BYTES = 4096;
const TOGETHER = `at most ${MOST_BYTES} bytes of UTF-8 together`;

/** How many bytes of UTF-8 texts take together. */
function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, each) => sum + Buffer.byteLength(each), 0);
}

const MOST_LABELS = 32;
const LABEL = "1 to 100 characters";
const labelKey = text(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/, "a key of 1 to 100 of A-Z a-z 0-9 . _ / -");
/** Zod ignores this key silently; here it is refused like any other key that cannot be used. */
const withoutProto = z.unknown().refine(
  (value) => typeof value !== "object" || value === null || !Object.hasOwn(value, "__proto__"),
  { error: 'an object without the key "__proto__"' },
);
const labelMap = z.record(labelKey, text(/^[^\p{Cc}]{1,100}$/u, LABEL), { error: "an object of strings" });
const labels = withoutProto.pipe(labelMap)
  .refine((map) => Object.keys(map).length <= MOST_LABELS, { error: `at most ${MOST_LABELS} labels` })
  .refine((map) => bytesOf(Object.entries(map).flat()) <= MOST_BYTES, { error: `labels of ${TOGETHER}` });

const line = (most: number) => text(new RegExp(`^[^\\p{Cc}]{1,${most}}$`, "u"), `1 to ${most} characters`);
const holder = z.strictObject(
  {
    id: line(500),
    command: line(1000).nullish(),
    cwd: line(4096).nullish(),
  } satisfies Fields<NonNullable<LeaseRequest["holder"]>>,
  { error: 'an object like {"id": "ci:job-17"}' },
).refine(
  ({ id, command, cwd }) => bytesOf([id, command ?? "", cwd ?? ""]) <= MOST_BYTES,
  { error: `an id, a command and a cwd of ${TOGETHER}` },
);

const pid = wholeNumber(1, 4_194_304);
const hold = oneOf(HOLD_KINDS);

/** What may be asked of one port. */
const portFields = {
  port: anyPort.optional(),
  prefer: listOf(port, { most: 32, expected: "1 to 32 ports", kind: "an array of ports" }).optional(),
  range: range.optional(),
  pool: oneOf(["default", "os"]).optional(),
  protocols: protocols.optional(),
  hold: hold.optional(),
} satisfies Fields<PortRequest>;

const REMOTE = '"LocalSubnet", "any", an address, or a network like "10.0.0.0/8"';
const remote = z.union(
  [z.enum(["LocalSubnet", "any"]), z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()],
  { error: REMOTE },
);
const PROFILES = '1 to 3 of "domain", "private" and "public"';
const profile = oneOf(["domain", "private", "public"], PROFILES);

/** Routers of UPnP take a week at most (WANIPConnection:2, section 2.3.17). */
const LONGEST_MAPPING_MS = 604_800_000;
const GATEWAY = 'null, or an object like {"externalPort": 25565}';
const gateway = z.strictObject(
  {
    externalPort: anyPort.nullish(),
    ipv4: flag.optional(),
    ipv6: flag.optional(),
    lifetimeMs: durationMs(1000, LONGEST_MAPPING_MS).optional(),
  } satisfies Fields<NonNullable<ExposureRequest["gateway"]>>,
  { error: GATEWAY },
).refine(({ ipv4 = true, ipv6 = false }) => ipv4 || ipv6, { error: `${GATEWAY}, of one family at least` });

/** Body of `PUT /leases/{id}/exposure`. */
export const ExposureBody = z.strictObject(
  {
    firewall: z.strictObject(
      {
        direction: oneOf(["in", "out"]).optional(),
        profiles: listOf(profile, { most: 3, expected: PROFILES }).optional(),
        remote: listOf(remote, { most: 64, expected: `1 to 64 of ${REMOTE}` }).optional(),
      } satisfies Fields<NonNullable<ExposureRequest["firewall"]>>,
      { error: 'an object like {"remote": ["LocalSubnet"]}' },
    ).optional(),
    gateway: gateway.nullish(),
  } satisfies Fields<ExposureRequest>,
  JSON_OBJECT,
);

const severalPorts = wholeNumber(1, 256).optional();
const service = z.strictObject({ name, ...portFields }, { error: "an object with a name" });

/** Body of `POST /leases`. */
export const GrantBody = z.strictObject(
  {
    ...portFields,
    name: name.nullish(),
    project: project.nullish(),
    count: severalPorts,
    block: severalPorts,
    services: listOf(service, { most: 64, expected: "1 to 64 services", kind: "an array of services" }).optional(),
    holder: holder.optional(),
    pid: pid.optional(),
    inUse: flag.optional(),
    lifetime: lifetime.optional(),
    ttlMs: durationMs(1000).optional(),
    labels: labels.optional(),
    exposure: ExposureBody.optional(),
    waitMs: durationMs(0, 3_600_000).optional(),
  } satisfies Fields<LeaseRequest>,
  JSON_OBJECT,
);

/** Body of `POST /leases/{id}/renew`. */
export const RenewBody = z.strictObject(
  { ttlMs: durationMs(1000).optional() } satisfies Fields<RenewRequest>,
  JSON_OBJECT,
);

/** Body of `PATCH /leases/{id}`. */
export const AmendBody = z.strictObject(
  { labels: labels.optional(), lifetime: lifetime.optional(), pid: pid.optional() } satisfies Fields<AmendRequest>,
  JSON_OBJECT,
);

/** Body of calls that take none. */
export const NoBody = z.strictObject({}, JSON_OBJECT);

/** Body of `POST /firewall/sync`. */
export const SyncBody = z.strictObject({ dryRun: flag.optional() }, JSON_OBJECT);

/** Body of `POST /ports/{port}/check`. */
export const ReachBody = z.strictObject(
  {
    protocol: oneOf(PROTOCOLS).optional(),
    family: oneOf(FAMILIES).optional(),
    from: oneOf(ORIGINS).optional(),
    asks: flag.optional(),
    listen: flag.optional(),
    nonce: text(NONCE_TEXT, "32 hexadecimal digits in lower case").optional(),
  } satisfies Fields<ReachRequest>,
  JSON_OBJECT,
);

function queryNumber(number: z.ZodType<number, number>, expected: string) {
  return text(/^\d{1,9}$/, expected).transform(Number).pipe(number);
}

const queryPort = queryNumber(port, portExpected());
const queryName = text(/^.{1,265}$/, "1 to 265 characters");
const queryFlag = oneOf(["true", "false"]).transform((value) => value === "true");
/** `key:value` is the form of earlier versions. No key has a colon or an equals sign. */
const queryLabel = text(/^[^:=]{1,100}[:=].{1,100}$/, "key=value");
const protocol = oneOf(PROTOCOLS);

/** Query of `GET /leases`. */
export const ListQuery = z.strictObject(
  {
    name: queryName.optional(),
    project: project.optional(),
    port: queryPort.optional(),
    state: oneOf(LEASE_STATES, `one of ${LEASE_STATES.join(", ")}`).optional(),
    label: queryLabel.optional(),
    ended: queryFlag.optional(),
    limit: queryNumber(wholeNumber(1, 1000), "a whole number from 1 to 1000").optional(),
    cursor: text(/^[0-9A-Za-z-]{1,60}$/, "the `next` of the previous answer").optional(),
  } satisfies Fields<LeaseFilter>,
);

/** Query of calls without parameters. */
export const NoQuery = z.strictObject({});

/** Query of `GET /proof`. */
export const ProofQuery = z.strictObject({ nonce: text(/^[0-9a-f]{64}$/, "64 of the digits 0-9 a-f") });

/** Query of `GET /events`. */
export const EventsQuery = z.strictObject({
  lastEventId: text(/^.{1,100}$/, "1 to 100 characters").optional(),
  replay: queryFlag.optional(),
  follow: queryFlag.optional(),
});

/** Query of `GET /listeners`. */
export const ListenersQuery = z.strictObject(
  {
    port: queryPort.optional(),
    pid: queryNumber(pid, "a whole number from 1 to 4194304").optional(),
    protocol: protocol.optional(),
    state: oneOf(TCP_STATES, `one of ${TCP_STATES.join(", ")}`).optional(),
    name: queryName.optional(),
    connections: queryFlag.optional(),
  } satisfies Fields<SocketQuery>,
);

/** Query of `DELETE /leases`. */
export const ReleaseQuery = z.strictObject({ label: queryLabel });

/** Query of calls by port or name. */
export const ReferenceQuery = z.strictObject({ protocol: protocol.optional() });

/** A port in a path. */
export const PortParameter = z.strictObject({ port: queryPort });

/** A port in a path, or 0, which is not a port. */
export const AnyPortParameter = z.strictObject({ port: queryNumber(anyPort, portExpected(0)) });

const instant = z.iso.datetime({ error: "an ISO 8601 instant in UTC" });

/** A lease in an import, as an export writes it. The times of its lifetime may be absent. */
const ImportedLease = z.object(
  {
    id: text(/^[0-9A-HJKMNP-TV-Z]{26}$/, "a ULID"),
    name: fullName.nullable(),
    project: project.nullable(),
    port,
    protocols,
    holder: holder.loose(),
    lifetime,
    hold,
    labels,
    grantedAt: instant,
    renewedAt: instant,
    expiresAt: instant.nullable(),
  } satisfies Fields<Omit<TransferredLease, "lifetime"> & { lifetime: LifetimeRequest }>,
  { error: "a lease as an export has it" },
);

/** Body of `POST /import`. */
export const ImportBody = z.strictObject({
  version: z.literal(1, { error: "1" }),
  exportedAt: instant.optional(),
  leases: z.array(ImportedLease, { error: "an array of leases" }),
  names: withoutProto.pipe(z.record(fullName, port, { error: "an object of ports by name" })).optional(),
}, JSON_OBJECT);
