/** The lease that examples are about. */
import type { Lease } from "../../src/lease/lease.ts";

/** As `portd run web -- node server.mjs` in `/home/me/shop` makes it. */
export const LEASED: Lease = {
  id: "01KAR3Y8T2M4C6V8X0Z2B4D6F8",
  name: "shop/web",
  project: "shop",
  port: 20_417,
  protocols: ["tcp"],
  state: "listening",
  holder: {
    id: "cli:/home/me/shop",
    pid: 4711,
    startTime: "812345",
    bootId: "5c0f2a1e-1df0-4f43-9a51-2b4c8f0e6d77",
    command: "portd run web -- node server.mjs",
    cwd: "/home/me/shop",
    user: "me",
  },
  lifetime: { kind: "process", graceMs: 10_000 },
  hold: "soft",
  labels: {},
  exposure: null,
  listener: {
    pid: 4715,
    startTime: "812390",
    bootId: "5c0f2a1e-1df0-4f43-9a51-2b4c8f0e6d77",
    command: "node server.mjs",
    cwd: "/home/me/shop",
    user: "me",
    address: "::",
    since: "2026-11-23T10:00:02.000Z",
    reason: null,
  },
  grantedAt: "2026-11-23T10:00:00.000Z",
  renewedAt: "2026-11-23T10:00:00.000Z",
  expiresAt: null,
  endedAt: null,
};
