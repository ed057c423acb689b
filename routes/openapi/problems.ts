/** Every refusal: when it comes, the members that it has beside those of all problem documents, and an example. */
import { LINE_VERDICT, USABLE_PORTS } from "../../src/client/outside_shapes.ts";
import {
  type AnyShape,
  flag,
  INSTANT,
  LEASE,
  LEASE_ID,
  listOf,
  LONG_TEXT,
  nullable,
  object,
  oneOf,
  PID,
  PROTOCOL,
  wholeNumber,
} from "../../src/client/shape.ts";
import type { ErrorCode, ErrorData } from "../../src/errors.ts";
import type { PortUse } from "../../src/lease/candidates.ts";
import { type SocketRow, TCP_STATES } from "../../src/os/socket.ts";
import { HIGHEST_PORT } from "../../src/port/port.ts";
import type { Process } from "../../src/process/process.ts";
import { LEASED } from "./lease_example.ts";

/** What is said of one code. docs/errors.md says more. */
export interface ProblemDescription {
  readonly when: string;
  /** A sentence as it comes; the same stands in docs/errors.md. */
  readonly detail: string;
  /** The data of the example. */
  readonly data?: ErrorData;
  /** Members of its own. Each may be absent. */
  readonly members?: Readonly<Record<string, AnyShape>>;
  /** Whether it can have the header `Retry-After`. @default false */
  readonly retries?: boolean;
}

const COUNT = wholeNumber(0, Number.MAX_SAFE_INTEGER, "a count");
const TEXT = nullable(LONG_TEXT), TEXTS = listOf(LONG_TEXT, 100);

type PortUser =
  & Pick<SocketRow, "protocol" | "localAddress" | "localPort" | "state" | "pid">
  & Pick<Process, "command" | "cwd" | "user">;

/** Who uses a port, as far as portd may see. */
const LISTENER = object<PortUser>({
  protocol: PROTOCOL,
  localAddress: LONG_TEXT,
  localPort: wholeNumber(0, HIGHEST_PORT),
  state: oneOf("", ...TCP_STATES),
  pid: nullable(PID),
  command: TEXT,
  cwd: TEXT,
  user: TEXT,
});

/** What the ports of a pool or a range are used for. */
const SHORTAGE = {
  asked: COUNT,
  ports: object<Readonly<Record<PortUse | "size", number>>>({
    size: COUNT,
    free: COUNT,
    leased: COUNT,
    used: COUNT,
    cooling: COUNT,
    excluded: COUNT,
    privileged: COUNT,
  }),
  leases: listOf(LEASE, 3),
  retryAt: nullable(INSTANT),
};

const ENDED = { ...LEASED, state: "released", listener: null, endedAt: "2026-11-23T21:27:26.506Z" };

/** Every code. */
export const PROBLEMS: Readonly<Record<ErrorCode, ProblemDescription>> = {
  invalid_request: {
    when:
      "A field, a parameter or a header is unknown, missing, of the wrong form, or contradicts another; or the body is not JSON in UTF-8, or does not arrive whole",
    detail: 'Cannot use "prot": there is no such field; did you mean "port"?',
    data: { field: "prot", expected: "port" },
  },
  unauthorized: {
    when: "The token is not this daemon's, or none came where `auth.anonymous: none` asks for one",
    detail: "Cannot serve without a token: the configuration asks for one",
    retries: true,
  },
  forbidden_origin: {
    when: "`Origin` or `Sec-Fetch-Site` says that a web page of another origin sent it",
    detail: "Cannot serve a request that comes from a web page of another origin",
    data: { field: "origin", value: "https://example.com" },
  },
  scope_required: {
    when: "It takes the token, which is in the file `tokenFile`",
    detail:
      'Cannot do this without the scope "expose": send the token; the token is in /home/me/.local/state/portd/admin.token',
    data: { scope: "expose", tokenFile: "/home/me/.local/state/portd/admin.token" },
    members: { scope: oneOf("expose"), tokenFile: LONG_TEXT, leaseId: LEASE_ID },
  },
  caller_refused: {
    when: "From a checker: the caller's address is not one of the internet",
    detail: "Cannot check a port of 192.168.1.20: it is a private address, and none of the internet",
    data: { value: "192.168.1.20" },
  },
  not_found: {
    when: "There is no such path",
    detail: "Cannot find /v1/nothing: GET /v1 lists the calls",
    data: { value: "/v1/nothing" },
  },
  lease_not_found: {
    when: "There has been no such lease, or it is not in the history any more; or no live lease has this port",
    detail: 'Cannot find lease "shop/nosuch"',
    data: { field: "name", value: "shop/nosuch" },
  },
  method_not_allowed: {
    when: "The path takes other methods, which `allow` names",
    detail: "Cannot PUT this: it takes POST, DELETE, GET",
    data: { value: "PUT", allow: ["POST", "DELETE", "GET"] },
    members: { allow: listOf(LONG_TEXT, 10) },
  },
  request_timeout: {
    when: "The body did not arrive within ten seconds",
    detail: "Cannot read the body: it did not arrive within 10000 ms",
  },
  port_leased: {
    when: "A lease has the port",
    detail:
      'Cannot grant port 22477/tcp: leased to "shop/web" (project:shop) until 2026-11-23T21:28:26.300Z; 20004 is free',
    data: { port: 22477, lease: { ...LEASED, port: 22477 }, suggestion: 20004 },
    members: { lease: LEASE },
  },
  port_in_use: {
    when: "A program uses the port: `listener`, as far as portd may see; or it is the port of portd itself",
    detail: "Cannot grant port 23456/tcp: pid 4711 (python3 app.py) listens on it at 127.0.0.1; 20004 is free",
    data: {
      port: 23456,
      listener: {
        protocol: "tcp",
        localAddress: "127.0.0.1",
        localPort: 23456,
        state: "LISTEN",
        pid: 4711,
        command: "python3 app.py",
        cwd: "/home/me/shop",
        user: "me",
      },
      suggestion: 20004,
    },
    members: { listener: LISTENER, protocol: PROTOCOL },
  },
  process_kept: {
    when: "A process was not ended, and the lease stays",
    detail: "Cannot free port 20417: pid 4711 listens there now and was not shown before; look again",
    data: { port: 20_417, pid: 4711 },
    members: { pid: PID },
  },
  port_not_on_line: {
    when: "The internet access cannot have this external port",
    detail:
      "Cannot open port 25565 at the router: 25565 exists only for PSID 61; yours is 17: usable are 4368-4383, 8464-8479, 12560-12575 and 12 more ranges; instead there is port 8477 (--external 8477), …",
    data: {
      port: 25565,
      verdict: "map-e",
      doubts: [],
      usable: [{ first: 4368, last: 4383 }, { first: 8464, last: 8479 }],
      alternatives: ["a port of the line: 8477 (--external 8477)"],
      suggestion: 8477,
    },
    members: { verdict: LINE_VERDICT, doubts: TEXTS, usable: USABLE_PORTS, alternatives: TEXTS },
  },
  name_taken: {
    when: "The name has a live lease of another holder, or one that is not what was asked for",
    detail: 'Cannot grant the name "shop/web": it is leased on port 22477; its holder is project:shop',
    data: { field: "name", value: "shop/web", port: 22477, leaseId: LEASED.id, holderId: "project:shop" },
    members: { leaseId: LEASE_ID, holderId: LONG_TEXT },
  },
  lease_exists: {
    when: "Of a lease in an import: its id is in the file already",
    detail: "Cannot import lease 01KAR3Y8T2M4C6V8X0Z2B4D6F8: it is in the file already",
  },
  lease_ended: {
    when: "The lease has ended; found by its id, `lease` is it",
    detail: "Cannot use lease shop/web: it was released at 2026-11-23T21:27:26.506Z",
    data: { lease: ENDED },
    members: { lease: LEASE, leaseId: LEASE_ID },
  },
  payload_too_large: {
    when: "The body is over 65,536 bytes",
    detail: "Cannot read the body: it is larger than 65536 bytes",
    data: { expected: "at most 65536 bytes" },
  },
  unsupported_media_type: {
    when: "`Content-Type` is not `application/json`",
    detail: 'Cannot accept the request: its Content-Type must be "application/json"',
    data: { field: "content-type", value: "text/plain", expected: "application/json" },
  },
  misdirected_host: {
    when: "The header `Host` is none of the daemon's own names",
    detail: "Cannot serve this Host: the request was meant for another server",
    data: { field: "host", value: "shop.example", expected: "127.0.0.1:7678 or localhost:7678 or [::1]:7678" },
  },
  port_out_of_range: {
    when: "A whole number that is not a port",
    detail: 'Cannot use "port": must be a port from 0 to 65535, got 70000',
    data: { field: "port", value: 70000, expected: "a port from 0 to 65535" },
  },
  port_excluded: {
    when: "The configuration or the system excludes the port",
    detail: "Cannot grant port 20080/tcp: the configuration excludes it; 20004 is free",
    data: { port: 20080, field: "port", value: 20080, suggestion: 20004 },
  },
  port_privileged: {
    when: "Listening on the port takes rights that the daemon does not have",
    detail:
      "Cannot grant port 80/tcp: ports below 1024 need an administrator's rights, which the daemon does not have; 20004 is free",
    data: { port: 80, suggestion: 20004 },
    members: { protocol: PROTOCOL, ...SHORTAGE },
  },
  idempotency_key_reused: {
    when: "The same caller sent the `Idempotency-Key` with another body",
    detail: 'Cannot use the Idempotency-Key "k1" again: it was used for another request before',
    data: { field: "idempotency-key", value: "k1" },
  },
  too_many_leases: {
    when: "The user has as many live leases as `maxLeasesPerUser` allows",
    detail:
      "Cannot grant one more: user uid:1001 has 1000 live leases of at most 1000; release some, send the token, or ask an administrator to raise maxLeasesPerUser",
    data: { owner: "uid:1001", leases: 1000, limit: 1000 },
    members: { owner: LONG_TEXT, leases: COUNT, limit: COUNT },
  },
  too_many_checks: {
    when: "From a checker: this address has asked too often",
    detail: "Cannot check a port of 203.0.113.9 now: it has asked too often; ask again in 6 s",
    retries: true,
  },
  internal: {
    when: "A fault of portd; its log has the details",
    detail: "Cannot answer: portd has failed; its log says why",
  },
  not_supported: {
    when: "portd cannot do it on this system",
    detail: "Cannot list sockets: portd does so on Linux, Windows and macOS",
  },
  store_unavailable: {
    when: "The change could not be brought to disk and is taken back; or too many searches of the history wait",
    detail: "Cannot write /home/me/.local/state/portd/leases.db: the disk is full; make room on it, and try again",
    retries: true,
  },
  pool_exhausted: {
    when: "Too few ports of the pool or the range are free",
    detail:
      'Cannot grant a tcp port: none is free in 3000-3002 (3000 is leased to "shop/web" (project:shop) until 2026-11-23T21:28:26.300Z; 3001: pid 4711 (node server.js) listens on it at 127.0.0.1; what was in use is tried again from 2026-11-23T21:19:26.300Z on; 3002 is excluded by the configuration)',
    data: {
      asked: 1,
      ports: { size: 3, free: 0, leased: 1, used: 1, cooling: 0, excluded: 1, privileged: 0 },
      leases: [{ ...LEASED, port: 3000 }],
      retryAt: "2026-11-23T21:19:26.300Z",
    },
    members: { ...SHORTAGE },
    retries: true,
  },
  firewall_unavailable: {
    when: "The firewall cannot be read or changed; `lacksRights` where only rights are missing",
    detail: "Cannot read the firewall: nft needs root",
    data: { lacksRights: true },
    members: { lacksRights: flag },
  },
  stun_unavailable: {
    when: "No STUN server answered, or none can be asked",
    detail: "Cannot look at the line: stun.example.org:3478: no answer within 3s",
    retries: true,
  },
  too_many_readers: {
    when: "256 others read the events already",
    detail: "Cannot send events: 256 others read them already",
    retries: true,
  },
  shutting_down: {
    when: "The daemon does not serve yet, or is stopping",
    detail: "Cannot serve: portd starts or stops",
    retries: true,
  },
  checker_busy: {
    when: "As many ports are checked as can be at a time",
    detail: "Cannot check a port now: it checks as many ports as it can at a time; ask again in 5 s",
    retries: true,
  },
};
