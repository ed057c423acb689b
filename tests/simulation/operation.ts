/** One call of a client, from its beginning to its answer. */
import type { HoldKind } from "../../src/hold/hold.ts";
import type { Lifetime } from "../../src/lease/lease.ts";
import type { PortRange, Protocol } from "../../src/port/port.ts";
import type { Run } from "./wiring.ts";

/** A point of a sequence. */
export interface Moment {
  readonly step: number;
  readonly monotonic: number;
  readonly wall: number;
}

/** A port that is asked for, with all defaults filled in. */
export interface WishedPort {
  readonly name: string | null;
  readonly port?: number | undefined;
  readonly prefer: readonly number[];
  readonly range?: PortRange | undefined;
  readonly pool: "default" | "os";
  readonly protocols: readonly Protocol[];
  readonly hold: HoldKind | undefined;
}

/** A request for ports: the parts of it by which its answer is judged. */
export interface AskedGrant {
  readonly wishes: readonly WishedPort[];
  readonly contiguous: boolean;
  readonly waitMs: number;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly lifetime: Lifetime | undefined;
  readonly pid: number | undefined;
  readonly exposure: unknown;
}

/** Which lease a call is about. */
export type Target =
  | { readonly by: "id"; readonly id: string }
  | { readonly by: "name"; readonly name: string }
  | { readonly by: "port"; readonly port: number }
  | { readonly by: "label"; readonly key: string; readonly value: string };

/** The parts of a lease that calls change. */
export type Field = "labels" | "exposure" | "lifetime" | "pid" | "hold";

/** What a call writes into a field. */
export interface Write {
  /** One of these, as JSON with sorted keys. */
  readonly values: readonly string[];
  /** Whether an answer of 2xx says that the field had such a value. */
  readonly isCertain: boolean;
}

/** The field has one of these values after an answer of 2xx. */
export function certain(...values: readonly unknown[]): Write {
  return { values: values.map(canonical), isCertain: true };
}

/** A value that the daemon finds by itself. */
export const ANYTHING: Write = { values: ["anything"], isCertain: false };

/** The field has one of these values after an answer of 2xx, unless the lease was there before. */
export function uncertain(...values: readonly unknown[]): Write {
  return { values: values.map(canonical), isCertain: false };
}

/** What a call is, before it is made. */
export interface Plan {
  readonly words: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: string;
  readonly hasToken?: boolean;
  /** The user who calls, where the token is not sent. @default 0 */
  readonly user?: number;
  readonly key?: string;
  readonly grant?: AskedGrant;
  readonly target?: Target;
  /** Whether it ends leases. */
  readonly ends?: boolean;
  readonly writes?: ReadonlyMap<Field, Write>;
  /** The first call with this key and body. */
  readonly family?: number;
  /** The ids of the leases of an import. */
  readonly imported?: readonly string[];
  /** Whether the time of the lease begins again with an answer of 2xx. */
  readonly renews?: boolean;
}

/**
 * The state of a call. `unknown`: the disk failed after the commit, so nobody can know what a restart finds.
 * `lost`: the daemon ended before it answered.
 */
export type OperationState = "pending" | "done" | "refused" | "unknown" | "lost";

/** A lease as an answer shows it. */
export interface AnsweredLease {
  readonly id: string;
  readonly name: string | null;
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly labels: Readonly<Record<string, string>>;
  readonly hold: HoldKind;
  readonly exposure: unknown;
  readonly lifetime: Lifetime;
  readonly holder: { readonly pid: number | null };
  readonly endedAt: string | null;
}

/** One call. */
export class Operation {
  readonly number: number;
  readonly plan: Plan;
  readonly run: Run;
  readonly started: Moment;
  readonly family: number;
  readonly failedSyncsBefore: number;
  readonly controller = new AbortController();
  state: OperationState = "pending";
  ended: Moment | undefined;
  status = 0;
  // deno-lint-ignore no-explicit-any
  answer: any;
  /** The lease that its target named when it began. */
  held: string | undefined;
  /** Ports that have been free for it since it began; `undefined` where that is not judged. */
  free: Set<number> | undefined;

  constructor(number: number, plan: Plan, at: { run: Run; started: Moment; failedSyncs: number }) {
    this.number = number;
    this.plan = plan;
    this.run = at.run;
    this.started = at.started;
    this.failedSyncsBefore = at.failedSyncs;
    this.family = plan.family ?? number;
  }

  /** The stable code of a refusal. */
  get code(): string {
    return this.answer?.code ?? "";
  }

  /** The leases of an answer of 2xx. */
  get leases(): readonly AnsweredLease[] {
    if (this.state !== "done" || typeof this.answer !== "object" || this.answer === null) return [];
    if (Array.isArray(this.answer.leases)) return this.answer.leases.filter(isLease);
    return isLease(this.answer) ? [this.answer] : [];
  }

  /** Its state and answer, in words. */
  get result(): string {
    const isAnswered = this.state === "done" || this.state === "refused" || this.state === "unknown";
    const ports = this.leases.map(({ port }) => port);
    const what = isAnswered ? [this.status, this.code, ...ports].filter((part) => part !== "").join(" ") : this.state;
    return `call ${this.number} is ${isAnswered ? `answered ${what}` : what}`;
  }

  toString(): string {
    return `${this.result} (${this.plan.words})`;
  }
}

function isLease(value: unknown): boolean {
  return typeof value === "object" && value !== null && "id" in value && "port" in value && "labels" in value;
}

/** A value as JSON with sorted keys, so that equal values give equal texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
        : part,
  ) ?? "null";
}
