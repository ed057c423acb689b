/**
 * portd for scripts: `lease()` for a port as long as it is needed, and `PortdClient` with a method for each call of the
 * API, and a plugin for Vite. The same file works in Deno, in Node from 20 on and in Bun, and uses no package.
 */
export * from "../client/client.ts";
export { HeldLease, lease, type LeaseOptions } from "./lease.ts";
export { vitePlugin } from "./vite.ts";
