/** The calls about leases. */
import { RELEASED } from "../../src/client/answer_shapes.ts";
import { LEASE, LEASE_PAGE, type Shape } from "../../src/client/shape.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { FreeBody } from "../free.ts";
import {
  AmendBody,
  ExposureBody,
  GrantBody,
  ListQuery,
  PortParameter,
  ReferenceQuery,
  ReleaseQuery,
  RenewBody,
} from "../schema.ts";
import { FREED, SEVERAL_LEASES, SEVERAL_SHORT_LEASES, SHORT_LEASE } from "./grant_shapes.ts";
import { type Answer, type Operation, type OperationGroup, type Parameter, pathOf, queryOf } from "./operation.ts";

const ABSENT_OR_ENDED = ["lease_not_found", "lease_ended"] as const;
/** What a grant, and each change of a lease, is refused for where nothing can be written. */
const UNWRITTEN = ["store_unavailable"] as const;

const IDEMPOTENCY_KEY: Parameter = {
  in: "header",
  name: "Idempotency-Key",
  schema: { schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" } },
  does: "The same body with the same key gets the same leases for 24 hours, and nothing is granted a second time",
  isRequired: false,
};
const PREFER: Parameter = {
  in: "header",
  name: "Prefer",
  schema: { schema: { type: "string" } },
  does: "`return=minimal` (RFC 7240) asks for the ids and ports alone",
  isRequired: false,
};
const PREFERENCE_APPLIED = {
  does: "Where the answer is short, as `Prefer: return=minimal` has asked",
  schema: { const: "return=minimal" },
};

function granted(is: string): Answer {
  const shapes = [LEASE, SEVERAL_LEASES, SHORT_LEASE, SEVERAL_SHORT_LEASES];
  const shape = { schema: { anyOf: shapes.map(({ schema }) => schema) } };
  const headers = { "Preference-Applied": PREFERENCE_APPLIED };
  return { is, shape, headers, examples: ["lease", "several_leases", "short_lease", "several_short_leases"] };
}

const GRANT: Operation = {
  id: "grantLease",
  summary: "Leases a port, or several",
  description: "Asking again for a name whose lease is live returns that lease and renews it, when the holder id or, " +
    "without a holder, the project is the same. Several ports are granted all or not at all. " +
    "`exposure`, `inUse` and ports that take an administrator's rights take the token.",
  scope: "lease",
  parameters: [IDEMPOTENCY_KEY, PREFER],
  body: { schema: GrantBody, examples: ["any_port", "named_port", "services", "exposed_port"] },
  answers: {
    200: granted("The live lease of that name"),
    201: granted("A new lease, or a list where several ports were asked for"),
  },
  errors: [
    "scope_required",
    "port_leased",
    "port_in_use",
    "port_not_on_line",
    "name_taken",
    "lease_ended",
    "port_out_of_range",
    "port_excluded",
    "port_privileged",
    "idempotency_key_reused",
    "too_many_leases",
    "pool_exhausted",
    "shutting_down",
    ...UNWRITTEN,
  ],
};

const LIST: Operation = {
  id: "listLeases",
  summary: "Lists the live leases, or the history",
  description: "A page may be shorter than `limit`, or empty, and still have a `next`: follow it until there is none.",
  scope: "lease",
  parameters: queryOf(ListQuery, {
    name: "The whole name, or its last part",
    project: "The project",
    port: "The port",
    state: "The state",
    label: "`key=value`",
    ended: "The history instead, newest first",
    limit: "How many leases a page has at most; 1,000 by default",
    cursor: "The `next` of the page before",
  }),
  answers: { 200: { is: "A page of leases", shape: LEASE_PAGE, examples: ["lease_page"] } },
  errors: ["port_out_of_range", ...UNWRITTEN, "shutting_down"],
};

const RELEASE_BY_LABEL: Operation = {
  id: "releaseLeasesByLabel",
  summary: "Releases every lease with a label",
  scope: "lease",
  parameters: queryOf(ReleaseQuery, { label: "`key=value`" }),
  answers: { 200: { is: "The ids of these leases", shape: RELEASED, examples: ["released"] } },
  errors: [...UNWRITTEN],
};

/** A way to say which lease is meant. */
interface Reference {
  /** Below `/v1/leases/`. */
  readonly path: string;
  /** Ends the name of each call. */
  readonly suffix: string;
  readonly parameters: readonly Parameter[];
  /** Whether a lease that has ended is still known by it. */
  readonly knowsEnded: boolean;
}

const NAME = pathOf("name", { schema: { type: "string" } }, "The last part of the lease's name, or all of it");
const REFERENCES: readonly Reference[] = [
  {
    path: "{id}",
    suffix: "",
    parameters: [pathOf("id", { schema: { type: "string" } }, "The lease's id, a ULID")],
    knowsEnded: true,
  },
  {
    path: "by-port/{port}",
    suffix: "ByPort",
    parameters: [
      pathOf("port", PortParameter.shape.port, "The leased port"),
      ...queryOf(ReferenceQuery, { protocol: "Of two leases on one number; without it TCP comes first" }),
    ],
    knowsEnded: false,
  },
  { path: "by-name/{name}", suffix: "ByName", parameters: [NAME], knowsEnded: true },
  {
    path: "by-name/{project}/{name}",
    suffix: "ByProjectAndName",
    parameters: [pathOf("project", { schema: { type: "string" } }, "The project; a `/` inside is written `%2F`"), NAME],
    knowsEnded: true,
  },
];

function leaseAnswer(is: string): Record<number, Answer> {
  const shape: Shape<Lease> = LEASE;
  return { 200: { is, shape, examples: ["lease"] } };
}

function operationsOn({ path, suffix, parameters, knowsEnded }: Reference): Record<string, Operation> {
  const at = `/v1/leases/${path}`;
  const unknown = [
    ...(knowsEnded ? ABSENT_OR_ENDED : ["lease_not_found", "port_out_of_range"] as const),
  ];
  const changing = [...unknown, "lease_ended", ...UNWRITTEN] as const; // it may end while the call is in hand
  return {
    [`GET ${at}`]: {
      id: `showLease${suffix}`,
      summary: "Shows a lease",
      scope: "lease",
      parameters,
      answers: leaseAnswer("The lease"),
      errors: unknown,
    },
    [`PATCH ${at}`]: {
      id: `amendLease${suffix}`,
      summary: "Changes a lease",
      description: "`lifetime` and `pid` of a lease that is open to the outside take the token.",
      scope: "lease",
      parameters,
      body: { schema: AmendBody, examples: ["labels"] },
      answers: leaseAnswer("The changed lease"),
      errors: ["scope_required", "too_many_leases", ...changing],
    },
    [`DELETE ${at}`]: {
      id: `releaseLease${suffix}`,
      summary: "Releases a lease",
      scope: "lease",
      parameters,
      answers: { 204: { is: knowsEnded ? "It has ended, now or before" : "It has ended" } },
      errors: [...(knowsEnded ? ["lease_not_found"] as const : unknown), ...UNWRITTEN],
    },
    [`POST ${at}/renew`]: {
      id: `renewLease${suffix}`,
      summary: "Extends a lease",
      description: "The claim time, the grace or the ttl begins again. " +
        "Another `ttlMs` of a lease that is open to the outside takes the token.",
      scope: "lease",
      parameters,
      body: { schema: RenewBody, examples: ["nothing", "ttl"] },
      answers: leaseAnswer("The renewed lease"),
      errors: ["scope_required", ...changing],
    },
    [`POST ${at}/free`]: {
      id: `freeLease${suffix}`,
      summary: "Ends what listens for a lease, and releases it",
      description:
        "Only processes that are named end, each checked to be the one that was seen; it is asked to end, and " +
        "killed after five seconds. Where any other listens nothing is ended.",
      scope: "expose",
      parameters,
      body: { schema: FreeBody, examples: ["seen_processes"], isRequired: true },
      answers: { 200: { is: "What was ended, and the id of the lease", shape: FREED, examples: ["freed"] } },
      errors: ["process_kept", "not_supported", ...changing],
    },
    [`PUT ${at}/exposure`]: {
      id: `exposeLease${suffix}`,
      summary: "Opens the port of a lease to the outside",
      description:
        "Has portd keep a rule of the host's firewall, and with `gateway` mappings of the router, for as long " +
        "as the lease lives. A firewall that cannot be changed is no error here.",
      scope: "expose",
      parameters,
      body: { schema: ExposureBody, examples: ["nothing", "exposure"] },
      answers: { 200: { is: "The lease with its exposure", shape: LEASE, examples: ["exposed_lease"] } },
      errors: ["port_in_use", "port_not_on_line", "port_out_of_range", ...changing],
    },
    [`DELETE ${at}/exposure`]: {
      id: `concealLease${suffix}`,
      summary: "Closes the port of a lease to the outside again",
      scope: "expose",
      parameters,
      answers: leaseAnswer("The lease without its exposure"),
      errors: changing,
    },
  };
}

/** Leases. */
export const LEASE_OPERATIONS: OperationGroup = {
  name: "Leases",
  does: "Reserve ports, keep them and give them back. " +
    "A lease is named by its id, by its name, or by its port where it is live.",
  operations: {
    "POST /v1/leases": GRANT,
    "GET /v1/leases": LIST,
    "DELETE /v1/leases": RELEASE_BY_LABEL,
    ...Object.assign({}, ...REFERENCES.map(operationsOn)),
  },
};
