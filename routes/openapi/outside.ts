/** The calls about what lies between this machine and the internet. */
import { FIREWALL_STATUS, GATEWAY_STATUS } from "../../src/client/answer_shapes.ts";
import { LINE, NETWORK } from "../../src/client/outside_shapes.ts";
import { LineSampleBody } from "../line.ts";
import { NoBody, SyncBody } from "../schema.ts";
import type { OperationGroup } from "./operation.ts";

/** The host's firewall. */
export const FIREWALL_OPERATIONS: OperationGroup = {
  name: "Firewall",
  does: "The rules of the host's firewall that leases want.",
  operations: {
    "GET /v1/firewall": {
      id: "showFirewall",
      summary: "Shows the firewall's rules: wanted, actual, and the difference",
      description: "A firewall that cannot be read is no error here: `error` says why.",
      scope: "expose",
      answers: { 200: { is: "The rules", shape: FIREWALL_STATUS, examples: ["firewall"] } },
    },
    "POST /v1/firewall/sync": {
      id: "syncFirewall",
      summary: "Makes the firewall's rules those that are wanted",
      scope: "expose",
      body: { schema: SyncBody, examples: ["nothing", "dry_run"] },
      answers: { 200: { is: "The difference that there was", shape: FIREWALL_STATUS, examples: ["firewall_sync"] } },
      errors: ["firewall_unavailable"],
    },
  },
};

/** The router. */
export const GATEWAY_OPERATIONS: OperationGroup = {
  name: "Gateway",
  does: "The router, and the ports that it forwards to this machine.",
  operations: {
    "GET /v1/gateway": {
      id: "showGateway",
      summary: "Shows the router and its mappings",
      description: "What is known; the router is asked nothing.",
      scope: "lease",
      answers: {
        200: { is: "The router of each family, and the mappings", shape: GATEWAY_STATUS, examples: ["gateway"] },
      },
    },
    "POST /v1/gateway/sync": {
      id: "syncGateway",
      summary: "Makes the router's mappings those that are wanted",
      description: "Looks for the router and asks it now; the answer comes after half a minute at the latest.",
      scope: "expose",
      body: { schema: NoBody, examples: ["nothing"] },
      answers: { 200: { is: "The same, after the router was asked", shape: GATEWAY_STATUS, examples: ["gateway"] } },
    },
  },
};

/** The adapters, and the internet access. */
export const NETWORK_OPERATIONS: OperationGroup = {
  name: "Network",
  does: "The adapters of this machine, and which external ports its internet access can have.",
  operations: {
    "GET /v1/network": {
      id: "showNetwork",
      summary: "Shows the adapters, their addresses, and the way to the internet",
      scope: "lease",
      answers: { 200: { is: "The network", shape: NETWORK, examples: ["network"] } },
    },
    "GET /v1/line": {
      id: "showLine",
      summary: "Shows which external ports the line can have, as far as is known",
      scope: "lease",
      answers: { 200: { is: "The verdict; nobody is asked", shape: LINE, examples: ["line"] } },
    },
    "POST /v1/line/sample": {
      id: "sampleLine",
      summary: "Asks STUN servers on the internet how the line changes ports",
      description: "One look runs at a time, half a minute at the longest.",
      scope: "expose",
      body: { schema: LineSampleBody, examples: ["nothing", "stun_servers"] },
      answers: { 200: { is: "The verdict, after they were asked", shape: LINE, examples: ["line"] } },
      errors: ["stun_unavailable", "shutting_down"],
    },
  },
};
