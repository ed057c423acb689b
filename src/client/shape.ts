/**
 * Checks values that somebody else has sent. A shape says what a value must be. Shapes are made of smaller ones and are
 * bound to the type that they check, so that the compiler finds a forgotten member. Pure.
 *
 * The shapes of leases and refusals are here too, as every client reads them and each module makes the start of a command
 * longer; answer_shapes.ts has the other ones.
 */
import { describeChoices, describeValue } from "../errors.ts";
import { HOLD_KINDS } from "../hold/hold.ts";
import {
  type Exposure,
  type GatewayExposure,
  type Holder,
  type Lease,
  LEASE_STATES,
  type LeaseListener,
  type Lifetime,
} from "../lease/lease.ts";
import { HIGHEST_PORT, type Protocol, PROTOCOLS } from "../port/port.ts";
import type { LeasePage, ProblemMembers } from "./wire.ts";

/** The first error in a value. */
export interface Fault {
  /** Where it is in the value, as in `.leases[3].port`; empty for the value itself. */
  readonly at: string;
  readonly value: unknown;
  /** What would be right, in words. */
  readonly expected: string;
}

/** An error in words: `leases[3].port is -1, expected a port number from 1 to 65535`. @param what names the value. */
export function describeFault({ at, value, expected }: Fault, what: string): string {
  const place = at === "" ? what : at.startsWith(".") ? at.slice(1) : `${what}${at}`;
  return `${place} is ${describeValue(value)}, expected ${expected}`;
}

/** A schema of JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a value of any type must be. */
export interface AnyShape {
  /** @returns what is wrong; `undefined` when nothing is. */
  readonly faultOf: (value: unknown) => Fault | undefined;
  /** The same as a schema, without the bounds on lengths, which are the client's own. */
  readonly schema: JsonSchema;
}

/** What a `T` must be. */
export interface Shape<T> extends AnyShape {
  /** Never present: it binds the shape to exactly this type. */
  readonly type?: (value: T) => T;
}

/** The shape of a member that may be absent. */
export interface OptionalShape<T> extends Shape<T> {
  readonly isOptional: true;
}

/** A shape for each member of an object; other members are allowed, as a newer daemon may send more. */
type Members<T> = {
  readonly [Key in keyof T]-?: undefined extends T[Key] ? OptionalShape<Exclude<T[Key], undefined>>
    : Record<never, never> extends Pick<T, Key> ? OptionalShape<T[Key]>
    : Shape<T[Key]>;
};

/** How many characters of a key a message has. */
const LONGEST_KEY = 80;

/** A value that a function accepts. */
export function value<T>(expected: string, schema: JsonSchema, accepts: (value: unknown) => boolean): Shape<T> {
  return { schema, faultOf: (value) => accepts(value) ? undefined : { at: "", value, expected } };
}

/** `true` or `false`. */
export const flag: Shape<boolean> = value("true or false", { type: "boolean" }, (value) => typeof value === "boolean");
/** A text of at most so many UTF-16 code units. */
export function text(most: number): Shape<string> {
  const accepts = (value: unknown) => typeof value === "string" && value.length <= most;
  return value(`text of at most ${most} characters`, { type: "string" }, accepts);
}

/** A text of this form. @param pattern must be anchored and bound the length. */
export function textLike(pattern: RegExp, expected: string): Shape<string> {
  const schema = { type: "string", pattern: pattern.source };
  return value(expected, schema, (value) => typeof value === "string" && pattern.test(value));
}

/** A whole number between two, both inclusive. */
export function wholeNumber(least: number, most: number, what = "a whole number"): Shape<number> {
  const accepts = (value: unknown) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  const maximum = most === Number.MAX_SAFE_INTEGER ? {} : { maximum: most };
  return value(`${what} from ${least} to ${most}`, { type: "integer", minimum: least, ...maximum }, accepts);
}

/** One of these values. */
export function oneOf<const T extends string | number>(...values: readonly T[]): Shape<T> {
  const schema = { type: typeof values[0], ...(values.length === 1 ? { const: values[0] } : { enum: values }) };
  return value(describeChoices(values), schema, (value) => values.includes(value as T));
}
/** This, or null. */
export function nullable<T>({ faultOf, schema }: Shape<T>): Shape<T | null> {
  return {
    schema: { anyOf: [schema, { type: "null" }] },
    faultOf(value) {
      const fault = value === null ? undefined : faultOf(value);
      return fault?.at === "" ? { ...fault, expected: `${fault.expected}, or null` } : fault;
    },
  };
}

/** A member that may be absent. */
export function optional<T>({ faultOf, schema }: Shape<T>): OptionalShape<T> {
  return { isOptional: true, schema, faultOf: (value) => value === undefined ? undefined : faultOf(value) };
}

/** A list of `least` to `most` items. */
export function listOf<T>(item: Shape<T>, most: number, least = 0): Shape<readonly T[]> {
  const expected = `a list of ${least} to ${most}`;
  return {
    schema: { type: "array", items: item.schema, ...(least > 0 && { minItems: least }) },
    faultOf(value) {
      if (!Array.isArray(value) || value.length < least || value.length > most) return { at: "", value, expected };
      for (let i = 0; i < value.length; i++) {
        const fault = item.faultOf(value[i]);
        if (fault !== undefined) return { ...fault, at: `[${i}]${fault.at}` };
      }
    },
  };
}

/** An object with at most so many keys of any name. */
export function recordOf<T>(member: Shape<T>, most: number): Shape<Readonly<Record<string, T>>> {
  const expected = `an object of at most ${most} members`;
  return {
    schema: { type: "object", additionalProperties: member.schema },
    faultOf(value) {
      if (!isObject(value)) return { at: "", value, expected };
      const keys = Object.keys(value);
      if (keys.length > most) return { at: "", value: `one of ${keys.length}`, expected };
      for (const key of keys) {
        const fault = member.faultOf(value[key]);
        if (fault !== undefined) return { ...fault, at: `[${JSON.stringify(key.slice(0, LONGEST_KEY))}]${fault.at}` };
      }
    },
  };
}

/** An object with at least these members. */
export function object<T extends object>(members: Members<T>): Shape<T> {
  const shapes: readonly (readonly [string, AnyShape & { readonly isOptional?: true }])[] = Object.entries(members);
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(shapes.map(([name, { schema }]) => [name, schema])),
      required: shapes.filter(([, { isOptional }]) => isOptional !== true).map(([name]) => name),
    },
    faultOf(value) {
      if (!isObject(value)) return { at: "", value, expected: "an object" };
      for (const [name, { faultOf }] of shapes) {
        const fault = faultOf(value[name]);
        if (fault !== undefined) return { ...fault, at: `.${name}${fault.at}` };
      }
    },
  };
}

/** An object whose member `key` says which of several shapes it has. */
export function variants<T extends object, Key extends keyof T & string>(
  key: Key,
  shapes: { readonly [Kind in T[Key] & string]: Shape<Extract<T, { readonly [K in Key]: Kind }>> },
): Shape<T> {
  const known = new Map<unknown, AnyShape>(Object.entries(shapes));
  return {
    schema: { oneOf: [...known.values()].map(({ schema }) => schema) },
    faultOf(value) {
      if (!isObject(value)) return { at: "", value, expected: "an object" };
      const shape = known.get(value[key]);
      if (shape !== undefined) return shape.faultOf(value);
      return { at: `.${key}`, value: value[key], expected: describeChoices([...known.keys()]) };
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Longer than any command, path or sentence of a daemon. */
export const LONG_TEXT: Shape<string> = text(65_536);
const NULLABLE_TEXT = nullable(LONG_TEXT);

/** A port; 0 is not a port. */
export const PORT: Shape<number> = wholeNumber(1, HIGHEST_PORT, "a port number");
/** A process id of any OS; some use 0 for the kernel. */
export const PID: Shape<number> = wholeNumber(0, 0xffffffff, "a process id");
/** One protocol. */
export const PROTOCOL: Shape<Protocol> = oneOf(...PROTOCOLS);
/** Milliseconds. */
export const DURATION: Shape<number> = wholeNumber(0, Number.MAX_SAFE_INTEGER, "a number of milliseconds");
/** The id of a lease, a ULID. */
export const LEASE_ID: Shape<string> = textLike(/^[0-9A-Z]{26}$/, "the id of a lease");
/** An instant in UTC. */
export const INSTANT: Shape<string> = value(
  "an ISO 8601 instant in UTC",
  { type: "string", format: "date-time" },
  (value) =>
    typeof value === "string" && /^(?:\d{4}|[+-]\d{6})-[\d:.T-]{5,30}Z$/.test(value) && !isNaN(Date.parse(value)),
);

/** Networks are those of one exposure, or of one rule. */
const MOST_LABELS = 1000, MOST_NETWORKS = 1000;

/** Which network profiles of Windows a rule is for. */
export const PROFILES: Shape<Exposure["firewall"]["profiles"]> = listOf(oneOf("domain", "private", "public"), 3);
/** Which way a rule lets packets pass. */
export const DIRECTION: Shape<Exposure["firewall"]["direction"]> = oneOf("in", "out");
/** Whom a rule lets in. */
export const REMOTE: Shape<readonly string[]> = listOf(text(200), MOST_NETWORKS);

const EVIDENCE = {
  pid: nullable(PID),
  startTime: NULLABLE_TEXT,
  bootId: NULLABLE_TEXT,
  command: NULLABLE_TEXT,
  cwd: NULLABLE_TEXT,
  user: NULLABLE_TEXT,
};

/** Who a lease belongs to. */
export const HOLDER: Shape<Holder> = object<Holder>({ id: LONG_TEXT, ...EVIDENCE });
/** Who listens on its port. */
export const LISTENER: Shape<LeaseListener> = object<LeaseListener>({
  ...EVIDENCE,
  address: LONG_TEXT,
  since: INSTANT,
  reason: NULLABLE_TEXT,
});
/** When it ends. */
export const LIFETIME: Shape<Lifetime> = variants<Lifetime, "kind">("kind", {
  listener: object({ kind: oneOf("listener"), claimMs: DURATION, graceMs: DURATION }),
  process: object({ kind: oneOf("process"), graceMs: DURATION }),
  ttl: object({ kind: oneOf("ttl"), ttlMs: DURATION }),
  pinned: object({ kind: oneOf("pinned") }),
});

const GATEWAY = object<GatewayExposure>({ externalPort: nullable(PORT), ipv4: flag, ipv6: flag, lifetimeMs: DURATION });
/** An exposure. */
export const EXPOSURE: Shape<Exposure> = object<Exposure>({
  firewall: object({ direction: DIRECTION, profiles: PROFILES, remote: REMOTE }),
  gateway: nullable(GATEWAY),
});

/** A lease of this port. */
export function leaseOn(port: Shape<number>): Shape<Lease> {
  return object<Lease>({
    id: LEASE_ID,
    name: nullable(text(1000)),
    project: nullable(text(1000)),
    port,
    protocols: listOf(PROTOCOL, 2, 1),
    state: oneOf(...LEASE_STATES),
    holder: HOLDER,
    lifetime: LIFETIME,
    hold: oneOf(...HOLD_KINDS),
    labels: recordOf(LONG_TEXT, MOST_LABELS),
    exposure: nullable(EXPOSURE),
    listener: nullable(LISTENER),
    grantedAt: INSTANT,
    renewedAt: INSTANT,
    expiresAt: nullable(INSTANT),
    endedAt: nullable(INSTANT),
  });
}

/** A lease. */
export const LEASE: Shape<Lease> = leaseOn(PORT);

/** What every refusal must be. */
export const PROBLEM: Shape<ProblemMembers> = object<ProblemMembers>({
  code: text(100),
  title: optional(text(1000)),
  detail: optional(LONG_TEXT),
});

/** Where a list continues. */
const CURSOR = textLike(/^[!-~]{1,200}$/, "a cursor of 1 to 200 visible ASCII characters");

/** One page of leases. */
export const LEASE_PAGE: Shape<LeasePage> = object<LeasePage>({
  leases: listOf(LEASE, 1000),
  next: optional(CURSOR),
});

/** The answer to a request for so many leases: a list where several were asked for, else one lease. */
export function grantOf(count: number, isList: boolean): Shape<Lease | { readonly leases: readonly Lease[] }> {
  const list = object<{ readonly leases: readonly Lease[] }>({ leases: listOf(LEASE, count, count) });
  const { faultOf, schema } = isList ? list : LEASE;
  return { faultOf, schema };
}
