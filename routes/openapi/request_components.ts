/** The parts of requests that have a name in the document. */
import { CodeBody, SessionBody } from "../dashboard_sessions.ts";
import { FreeBody } from "../free.ts";
import { AmendBody, ExposureBody, GrantBody, ImportBody, ReachBody, RenewBody } from "../schema.ts";
import { type Component, requestPart } from "./operation.ts";

const { firewall, gateway } = ExposureBody.shape;
const service = GrantBody.shape.services.unwrap().element;

/** What `POST /leases` and each of its services take. */
const PORT_WORDS = {
  port: "This port and no other; 0 is any",
  prefer: "Tried in this order before the pool",
  range: "Only from here, in the place of the pool",
  pool: "`os`: the kernel's own choice. `default` by default",
  protocols: '`["tcp"]` by default; both: one number for the two',
  hold: "`none` for servers that do not set SO_REUSEADDR. `soft` by default",
};

/** By name. */
export const REQUEST_COMPONENTS: Readonly<Record<string, Component>> = {
  LeaseRequest: requestPart(GrantBody, "What is asked of a lease, or of several. Without any member: any TCP port", {
    ...PORT_WORDS,
    name: "The service, without its project",
    project: "Whose service; the lease is named `project/name`",
    count: "So many single ports, named `name-1`, `name-2` and so on",
    block: "So many contiguous ports, named likewise; with `port`, from there on",
    services: "One lease each, all or none",
    holder: "Who asks; `project:<project>` by default, or `anonymous`",
    pid: "A running process as evidence of the holder",
    inUse: "The port may be in use: the lease is that of the process that listens there. Takes `port` and the token",
    lifetime: 'When the lease ends; `{"kind": "listener"}` by default',
    ttlMs: 'Short for `{"kind": "ttl", "ttlMs": …}`, in milliseconds',
    labels: "At most 32, together 4,096 bytes of UTF-8",
    exposure: "Reachable from outside from the first moment on. Takes the token",
    waitMs: "How long to wait when the pool is exhausted, in milliseconds. 0 by default",
  }),
  ServiceRequest: requestPart(service, "One of several services that are leased together", {
    ...PORT_WORDS,
    name: "The service, without its project",
  }),
  PortRangeRequest: { schema: GrantBody.shape.range.unwrap(), is: "A range of ports, both ends inclusive" },
  HolderRequest: requestPart(GrantBody.shape.holder.unwrap(), "Who a lease is to belong to", {
    id: "Chosen by the client",
    command: "What it runs",
    cwd: "Its folder, without symbolic links",
  }),
  LifetimeRequest: {
    schema: GrantBody.shape.lifetime.unwrap(),
    is: "How long a lease is to live, in milliseconds. A time that is absent comes from the configuration",
  },
  ExposureRequest: requestPart(
    ExposureBody,
    "How a port is to be reachable from outside; what is absent has a default",
    {
      firewall: "The rule of the host's firewall",
      gateway: "The mappings of the router. Null or absent: none; `{}`: any port of its IPv4 address",
    },
  ),
  FirewallRequest: requestPart(firewall.unwrap(), "A rule of the host's firewall", {
    direction: "`in` lets others reach the port, `out` lets this machine reach that port of others. `in` by default",
    profiles: "Network profiles of Windows; `domain` and `private` by default",
    remote: 'Whom it lets in; `["LocalSubnet"]` by default',
  }),
  GatewayRequest: requestPart(gateway.unwrap().unwrap(), "The mappings of the router, one a protocol and family", {
    externalPort: "Only this external port; null or 0: the leased number where the router gives it, or any",
    ipv4: "A port of the router's IPv4 address leads here. True by default",
    ipv6: "The router's IPv6 firewall lets packets through to the leased port. False by default",
    lifetimeMs: "For how long each mapping is asked for, in milliseconds; an hour by default",
  }),
  AmendRequest: requestPart(AmendBody, "Changes of a lease; what is absent stays", {
    labels: "All labels, in the place of those before",
    lifetime: "When the lease ends",
    pid: "The process of the holder",
  }),
  RenewRequest: requestPart(RenewBody, "How a lease is renewed", {
    ttlMs: "From now on, in milliseconds; only for a lease of kind `ttl`",
  }),
  FreeRequest: requestPart(FreeBody, "What may be ended", {
    processes: "As `listeners` of `GET /v1/ports/{port}` has shown them; at most 64",
  }),
  DashboardCodeRequest: requestPart(CodeBody, "For whom a code is", {
    anyUser: "Any user of the machine may use it; by default the user who asks for it",
  }),
  DashboardSessionRequest: requestPart(SessionBody, "What opens a session", { code: "Good once, for a minute" }),
  ReachRequest: requestPart(ReachBody, "How a port is to be checked", {
    protocol: "`tcp` by default",
    family: "By default the one for which the lease asks the router, else `ipv4`",
    from: "Who is to reach it: by default `internet` where the lease asks the router, else `lan`",
    asks: "Read the firewall and ask the router now. Takes the token",
    listen: "The daemon listens on the port during the check. Takes the token",
    nonce: "That of a temporary listener of the client. Takes the token",
  }),
  ImportRequest: requestPart(ImportBody, "A document as an export has it", {
    version: "1",
    exportedAt: "Not used",
    leases: "A holder's process counts for nothing here",
    names: "The ports of names, kept where the name is new",
  }),
};
