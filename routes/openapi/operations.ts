/**
 * Every call as the document describes it. A route needs one entry here, and an entry a route; tests/routes/openapi_test.ts
 * says what is missing.
 */
import { DASHBOARD_OPERATIONS } from "./dashboard.ts";
import { API_OPERATIONS, DAEMON_OPERATIONS } from "./daemon.ts";
import { LEASE_OPERATIONS } from "./leases.ts";
import type { OperationGroup } from "./operation.ts";
import { FIREWALL_OPERATIONS, GATEWAY_OPERATIONS, NETWORK_OPERATIONS } from "./outside.ts";
import { EVENT_OPERATIONS, PORT_OPERATIONS } from "./ports.ts";

/** By resource. */
export const OPERATIONS: readonly OperationGroup[] = [
  LEASE_OPERATIONS,
  PORT_OPERATIONS,
  EVENT_OPERATIONS,
  FIREWALL_OPERATIONS,
  GATEWAY_OPERATIONS,
  NETWORK_OPERATIONS,
  DAEMON_OPERATIONS,
  DASHBOARD_OPERATIONS,
  API_OPERATIONS,
];
