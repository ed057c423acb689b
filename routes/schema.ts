/** What requests look like, and checking them: every refusal names the field, its value and what would work. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { invalidField, PortdError } from "../src/errors.ts";
import { TCP_STATES } from "../src/os/socket.ts";
import { closest } from "../src/suggest.ts";

/** A leaf whose refusals say what would work. */
function described<T extends z.ZodType>(make: (error: { error: string }) => T, expected: string): T {
  return make({ error: expected });
}

function wholeNumber(least: number, most: number, unit = "") {
  const expected = `a whole number${unit} from ${least} to ${most}`;
  return z.int({ error: expected }).min(least, { error: expected }).max(most, { error: expected });
}

function text(pattern: RegExp, expected: string) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

const YEAR_MS = 31_536_000_000;

const port = wholeNumber(1, 65535);
const anyPort = wholeNumber(0, 65535);
const durationMs = (least: number) => wholeNumber(least, YEAR_MS, " of milliseconds");
const name = text(/^[A-Za-z0-9._+@-]{1,64}$/, "1 to 64 of the characters A-Z a-z 0-9 . _ + @ -");
const project = text(
  /^(?=.{1,200}$)[A-Za-z0-9._+@~-]+(\/[A-Za-z0-9._+@~-]+)*$/,
  "1 to 200 of the characters A-Z a-z 0-9 . _ + @ ~ -, in parts set off by /",
);
/** `project/name`, or a name alone. */
const fullName = text(
  /^(?=.{1,265}$)(?:[A-Za-z0-9._+@~-]+\/)*[A-Za-z0-9._+@-]{1,64}$/,
  "project/name: 1 to 265 of the characters A-Z a-z 0-9 . _ + @ ~ -, in parts set off by /",
);
const protocols = described(
  (error) => z.array(z.enum(["tcp", "udp"], error), error).min(1, error).max(2, error),
  '["tcp"], ["udp"] or ["tcp", "udp"]',
).refine((list) => new Set(list).size === list.length, { error: '["tcp"], ["udp"] or ["tcp", "udp"]' });

const RANGE = 'an object like {"first": 3000, "last": 3999}';
const range = z.strictObject({ first: port, last: port }, { error: RANGE })
  .refine(({ first, last }) => first <= last, { error: `${RANGE}, the first not above the last` });

const LIFETIME = 'an object whose "kind" is "listener", "process", "ttl" or "pinned"';
const lifetime = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("listener"),
    claimMs: durationMs(1000).optional(),
    graceMs: durationMs(0).optional(),
  }),
  z.strictObject({ kind: z.literal("process"), graceMs: durationMs(0).optional() }),
  z.strictObject({ kind: z.literal("ttl"), ttlMs: durationMs(1000) }),
  z.strictObject({ kind: z.literal("pinned") }),
], { error: LIFETIME });

/** Every lease has a holder and labels of its own in the file, also where one request gets 256 of them. */
const MOST_BYTES = 4096;
const TOGETHER = `at most ${MOST_BYTES} bytes of UTF-8 together`;

/** How many bytes of UTF-8 texts take together. */
function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, each) => sum + Buffer.byteLength(each), 0);
}

const MOST_LABELS = 32;
const LABEL = "1 to 100 characters";
const labelKey = text(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/, "a key of 1 to 100 of A-Z a-z 0-9 . _ / -");
/** Zod passes over this key in silence; here it is refused like any other that cannot be used. */
const hasNoProto = (value: unknown) =>
  typeof value !== "object" || value === null || !Object.hasOwn(value, "__proto__");
const labelMap = z.record(labelKey, text(/^[^\p{Cc}]{1,100}$/u, LABEL), { error: "an object of strings" });
const labels = z.unknown().refine(hasNoProto, { error: 'an object without the key "__proto__"' }).pipe(labelMap)
  .refine((map) => Object.keys(map).length <= MOST_LABELS, { error: `at most ${MOST_LABELS} labels` })
  .refine((map) => bytesOf(Object.entries(map).flat()) <= MOST_BYTES, { error: `labels of ${TOGETHER}` });

const line = (most: number) => text(new RegExp(`^[^\\p{Cc}]{1,${most}}$`, "u"), `1 to ${most} characters`);
const holder = z.strictObject({
  id: line(500),
  command: line(1000).nullish(),
  cwd: line(4096).nullish(),
}, { error: 'an object like {"id": "ci:job-17"}' }).refine(
  ({ id, command, cwd }) => bytesOf([id, command ?? "", cwd ?? ""]) <= MOST_BYTES,
  { error: `an id, a command and a cwd of ${TOGETHER}` },
);

const pid = wholeNumber(1, 4_194_304);
const hold = described((error) => z.enum(["soft", "none"], error), '"soft" or "none"');
const pool = described((error) => z.enum(["default", "os"], error), '"default" or "os"');

/** What may be asked of one port. */
const wish = {
  port: anyPort.optional(),
  prefer: z.array(port, { error: "an array of ports" }).min(1, { error: "1 to 32 ports" })
    .max(32, { error: "1 to 32 ports" }).optional(),
  range: range.optional(),
  pool: pool.optional(),
  protocols: protocols.optional(),
  hold: hold.optional(),
};

const REMOTE = '"LocalSubnet", "any", an address, or a network like "10.0.0.0/8"';
const remote = described(
  (error) => z.union([z.enum(["LocalSubnet", "any"]), z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], error),
  REMOTE,
);
const PROFILES = '1 to 3 of "domain", "private" and "public"';
const profile = described((error) => z.enum(["domain", "private", "public"], error), PROFILES);

/** Body of `PUT /leases/{id}/exposure`. */
export const ExposureBody = z.strictObject({
  firewall: z.strictObject({
    direction: described((error) => z.enum(["in", "out"], error), '"in" or "out"').optional(),
    profiles: z.array(profile, { error: PROFILES }).min(1, { error: PROFILES }).max(3, { error: PROFILES }).optional(),
    remote: z.array(remote, { error: `1 to 64 of ${REMOTE}` }).min(1, { error: `1 to 64 of ${REMOTE}` })
      .max(64, { error: `1 to 64 of ${REMOTE}` }).optional(),
  }, { error: 'an object like {"remote": ["LocalSubnet"]}' }).optional(),
}, { error: "a JSON object" });

const severalPorts = wholeNumber(1, 256).optional();

/** Body of `POST /leases`. */
export const GrantBody = z.strictObject({
  ...wish,
  name: name.nullish(),
  project: project.nullish(),
  count: severalPorts,
  block: severalPorts,
  services: z.array(z.strictObject({ name, ...wish }, { error: "an object with a name" }), {
    error: "an array of services",
  }).min(1, { error: "1 to 64 services" }).max(64, { error: "1 to 64 services" }).optional(),
  holder: holder.optional(),
  pid: pid.optional(),
  lifetime: lifetime.optional(),
  ttlMs: durationMs(1000).optional(),
  labels: labels.optional(),
  exposure: ExposureBody.optional(),
  waitMs: wholeNumber(0, 3_600_000, " of milliseconds").optional(),
}, { error: "a JSON object" });

/** Body of `POST /leases/{id}/renew`. */
export const RenewBody = z.strictObject({ ttlMs: durationMs(1000).optional() }, { error: "a JSON object" });

/** Body of `PATCH /leases/{id}`. */
export const AmendBody = z.strictObject({
  labels: labels.optional(),
  lifetime: lifetime.optional(),
  pid: pid.optional(),
}, { error: "a JSON object" });

const queryNumber = (least: number, most: number) =>
  text(/^\d{1,9}$/, `a whole number from ${least} to ${most}`).transform(Number).pipe(wholeNumber(least, most));
const states = ["granted", "listening", "idle", "conflict", "released", "revoked", "expired"] as const;

/** Body of `POST /firewall/sync`. */
export const SyncBody = z.strictObject({
  dryRun: z.boolean({ error: "true or false" }).optional(),
}, { error: "a JSON object" });

/** Query of `GET /leases`. */
export const ListQuery = z.strictObject({
  name: text(/^.{1,265}$/, "1 to 265 characters").optional(),
  project: project.optional(),
  port: queryNumber(1, 65535).optional(),
  state: described((error) => z.enum(states, error), `one of ${states.join(", ")}`).optional(),
  label: text(/^[^:]{1,100}:.{1,100}$/, "key:value").optional(),
  ended: described((error) => z.enum(["true", "false"], error), '"true" or "false"').optional(),
  limit: queryNumber(1, 1000).optional(),
  cursor: text(/^[0-9A-Za-z-]{1,60}$/, "the next of the page before").optional(),
});

/** Query of calls without parameters. */
export const NoQuery = z.strictObject({});

/** Query of `GET /proof`. */
export const ProofQuery = z.strictObject({ nonce: text(/^[0-9a-f]{64}$/, "64 of the digits 0-9 a-f") });

/** Query of `GET /events`. */
export const EventsQuery = z.strictObject({ lastEventId: text(/^.{1,100}$/, "1 to 100 characters").optional() });

/** Query of `GET /listeners`. */
export const ListenersQuery = z.strictObject({
  port: queryNumber(1, 65535).optional(),
  pid: queryNumber(1, 4_194_304).optional(),
  protocol: described((error) => z.enum(["tcp", "udp"], error), '"tcp" or "udp"').optional(),
  state: described((error) => z.enum(TCP_STATES, error), `one of ${TCP_STATES.join(", ")}`).optional(),
  name: text(/^.{1,265}$/, "1 to 265 characters").optional(),
  connections: described((error) => z.enum(["true", "false"], error), '"true" or "false"').optional(),
});

/** Query of `DELETE /leases`. */
export const ReleaseQuery = z.strictObject({ label: text(/^[^:]{1,100}:.{1,100}$/, "key:value") });

/** Query of calls by port or name. */
export const ReferenceQuery = z.strictObject({
  protocol: described((error) => z.enum(["tcp", "udp"], error), '"tcp" or "udp"').optional(),
});

/** A port in a path. */
export const PortParameter = z.strictObject({ port: queryNumber(1, 65535) });

/** A port in a path, or 0, which is none. */
export const AnyPortParameter = z.strictObject({ port: queryNumber(0, 65535) });

const instant = described((error) => z.iso.datetime(error), "an ISO 8601 instant in UTC");

/** A lease in an import: what an export has written. Times that have passed are not told again. */
const ImportedLease = z.object({
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
}, { error: "a lease as an export has it" });

/** Body of `POST /import`. */
export const ImportBody = z.strictObject({
  version: described((error) => z.literal(1, error), "1"),
  exportedAt: instant.optional(),
  leases: z.array(ImportedLease, { error: "an array of leases" }),
  names: z.unknown().refine(hasNoProto, { error: 'an object without the key "__proto__"' })
    .pipe(z.record(fullName, port, { error: "an object of ports by name" })).optional(),
}, { error: "a JSON object" });

/**
 * Checks a value against a schema.
 *
 * @throws {PortdError} `invalid_request`, or `port_out_of_range` for a whole number that is no port.
 */
export function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refusal(result.error.issues[0]!, value, schema);
}

const PORT_FIELD = /(^|\.)(port|first|last|prefer\[\d+\])$/;

function refusal(issue: z.core.$ZodIssue, body: unknown, schema: z.ZodType): PortdError {
  if (issue.code === "unrecognized_keys") return unknownField(issue, schema);
  if (issue.code === "invalid_key") {
    return invalidField(fieldOf(issue.path), issue.path.at(-1), issue.issues[0]!.message);
  }
  const field = fieldOf(issue.path);
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null)?.[key], body);
  if (field === "") return new PortdError("invalid_request", `Cannot use the body: must be ${issue.message}`);
  const isOutOfRange = issue.code === "too_big" || issue.code === "too_small";
  if (!isOutOfRange || !PORT_FIELD.test(field)) return invalidField(field, value, issue.message);
  const message = `Cannot use "${field}": ${value} is no port, it must be ${issue.message}`;
  return new PortdError("port_out_of_range", message, { field, value, expected: issue.message });
}

function unknownField({ keys, path }: z.core.$ZodIssueUnrecognizedKeys, schema: z.ZodType): PortdError {
  const key = keys[0]!;
  const field = fieldOf([...path, key]);
  const known = path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const near = closest(key, known);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  const expected = near === undefined ? {} : { expected: near };
  return new PortdError("invalid_request", `Cannot use "${field}": there is no such field${hint}`, {
    field,
    ...expected,
  });
}

/** `["services", 0, "port"]` → `services[0].port`. */
function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}
