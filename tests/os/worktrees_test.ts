/** Ten worktrees of a checkout with a Vite each, as agents run them: without a terminal, and ended in every way. */
import assert from "node:assert/strict";
import type { Lease } from "../../src/lease/lease.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { commandsOf, isListening, killCommandsOf, listens, Run, untilAll, untilLookedAt } from "../support/os/runs.ts";
import { liveLeases } from "../support/os/api.ts";
import { makeViteWorktrees } from "../support/os/worktrees.ts";

const COUNT = 10;
/** Not that of other tests, which run at the same time and hold the same names. */
const POOL = "30000-31999";

osTest(
  "ten worktrees with a Vite each: no orphan after TERM, INT and HUP; after KILL each lease stays with its listener",
  [
    linux,
    tools("git", "npm", "setsid"),
    npmRegistry,
  ],
  async (context) => {
    const installation = await Installation.create({
      env: { PORTD_WATCH_MS: "200", PORTD_PROCESS_GRACE_MS: "0", PORTD_POOL: POOL },
    });
    try {
      const worktrees = await makeViteWorktrees(installation, COUNT);
      await installation.answer(["serve", "--detach"]);
      const names = worktrees.map(({ project }) => `${project}/web`);
      const startAll = async () => {
        const runs = worktrees.map(({ cwd }) => Run.start(installation, { cwd, command: ["npm", "run", "dev"] }));
        return { runs, leases: await untilAll(installation, names, isListening) };
      };
      let ports: readonly number[] | undefined;
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
        await context.step(`${signal} leaves no orphan and no lease`, async () => {
          const { runs, leases } = await startAll();
          assertSamePorts(leases, ports ??= leases.map(({ port }) => port));
          for (const run of runs) run.signal(signal);
          await Promise.all(runs.map((run) => run.code()));
          assert.deepEqual(commandsOf(installation), []);
          for (const port of ports) assert.equal(await listens(port), false);
          assert.deepEqual(await liveLeases(`${(await installation.daemon()).url}/v1`), []);
        });
      }
      await context.step("SIGKILL leaves each lease with its listener", async () => {
        const { runs, leases } = await startAll();
        assertSamePorts(leases, ports!);
        for (const run of runs) run.signal("SIGKILL");
        await Promise.all(runs.map((run) => run.code()));
        await untilLookedAt(installation);
        const kept = new Map(
          (await liveLeases(`${(await installation.daemon()).url}/v1`)).map((lease) => [lease.id, lease]),
        );
        for (const { id, name, port, listener } of leases) {
          const { state, listener: now } = kept.get(id) ?? {};
          assert.deepEqual([name, state, now?.pid], [name, "listening", listener?.pid]);
          assert.equal(await listens(port), true);
        }
        const second = await installation.portd(["run", "web", "--", "true"], { cwd: worktrees[0]!.cwd });
        assert.equal(second.code, 4);
        assert.match(second.stderr, new RegExp(`leased on port ${ports![0]}`));
      });
      await context.step("freed, the ports are those of the next start", async () => {
        await Promise.all(ports!.map((port) => installation.answer(["free", String(port), "--yes"])));
        const { runs, leases } = await startAll();
        assertSamePorts(leases, ports!);
        for (const run of runs) run.signal("SIGTERM");
        await Promise.all(runs.map((run) => run.code()));
        assert.deepEqual(commandsOf(installation), []);
      });
    } finally {
      killCommandsOf(installation);
      await installation[Symbol.asyncDispose]();
    }
  },
);

function assertSamePorts(leases: readonly Lease[], ports: readonly number[]): void {
  assert.deepEqual(leases.map(({ port }) => port), ports);
  assert.equal(new Set(ports).size, COUNT);
}
