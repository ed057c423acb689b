import assert from "node:assert/strict";
import { type RefusalParts, Refusals } from "../../src/lease/refusal.ts";
import type { Processes } from "../../src/process/process.ts";
import { wish } from "../support/domain.ts";
import { socketRow } from "../support/sockets.ts";

const CONTEXT = {
  wish: wish({ port: 80 }),
  asked: 1,
  contiguous: false,
  waitMs: 0,
  lease: undefined,
  candidates: [],
  waiting: 0,
  shortage: undefined,
};

async function refusalOf(reason: "in_use" | "no_permission", parts: Partial<RefusalParts>): Promise<string> {
  const refusals = new Refusals({
    findListener: () => Promise.resolve(undefined),
    findUnused: () => Promise.resolve(8080),
    processes: { find: () => undefined } as unknown as Processes,
    findEnded: () => undefined,
    excluderOf: () => "the configuration",
    poolText: "20000-29999",
    privilegedBelow: 0,
    ...parts,
  });
  const refused = { kind: "kernel", port: 80, obstacle: { reason, protocol: "tcp" } } as const;
  const { code, message } = await refusals.explain(refused, CONTEXT);
  return `${code} ${message}`;
}

Deno.test("a port of a driver of Windows is explained by the driver, and not by missing rights", async () => {
  const row = socketRow({ localAddress: "0.0.0.0", localPort: 80, pid: 4 });
  const findListener = () => Promise.resolve(row);
  assert.equal(
    await refusalOf("in_use", { kernelPid: 4, findListener }),
    "port_in_use Cannot grant port 80/tcp: Windows itself (pid 4) uses it at 0.0.0.0, as HTTP.sys does for web servers " +
      "and other services (netsh http show servicestate); 8080 is free",
  );
  assert.match(await refusalOf("in_use", { findListener }), /: somebody listens on it at 0\.0\.0\.0; 8080 is free$/);
});

Deno.test("rights are the reason only where the system asks for them, and below the port that it names", async () => {
  assert.match(
    await refusalOf("no_permission", { privilegedBelow: 100 }),
    /^port_privileged .*: ports below 100 need an administrator's rights, which the daemon does not have; 8080 is free$/,
  );
  assert.match(
    await refusalOf("no_permission", { privilegedBelow: 0 }),
    /^port_in_use .*: the system refuses it to the daemon; 8080 is free$/,
  );
});
