/** Ten worktrees of a checkout with a Vite each, as agents run them: without a terminal, and ended in every way. */
import assert from "node:assert/strict";
import type { Lease } from "../../src/lease/lease.ts";
import { liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { commandsOf, isListening, killCommandsOf, listens, Run, untilAll, untilLookedAt } from "../support/os/runs.ts";
import { makeViteWorktrees } from "../support/os/worktrees.ts";

const COUNT = 10;
/** Each ends a third of the runs. */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

osTest(
  "ten worktrees with a Vite each: no orphan after TERM, INT and HUP; after KILL each lease stays with its listener",
  [linux, tools("git", "npm", "setsid"), npmRegistry],
  async (context) => {
    const installation = await Installation.create({
      env: { PORTD_WATCH_MS: "200", PORTD_PROCESS_GRACE_MS: "0" },
    });
    const live = async () => await liveLeases(`${(await installation.daemon()).url}/v1`);
    try {
      const worktrees = await makeViteWorktrees(installation, COUNT);
      await installation.answer(["serve", "--detach"]);
      const names = worktrees.map(({ project }) => `${project}/web`);
      const startAll = async () => {
        const runs = worktrees.map(({ cwd }) => Run.start(installation, { cwd, command: ["npm", "run", "dev"] }));
        return { runs, leases: await untilAll(installation, names, isListening) };
      };
      const endAll = async (runs: readonly Run[], signals: readonly Deno.Signal[]) => {
        for (const [i, run] of runs.entries()) run.signal(signals[i % signals.length]!);
        await Promise.all(runs.map((run) => run.code()));
      };
      const first = await startAll();
      const ports = first.leases.map(({ port }) => port);
      assert.equal(new Set(ports).size, COUNT);
      await context.step(`${SIGNALS.join(", ")} leave no orphan and no lease`, async () => {
        await endAll(first.runs, SIGNALS);
        assert.deepEqual(commandsOf(installation), []);
        for (const port of ports) assert.equal(await listens(port), false);
        assert.deepEqual(await live(), []);
      });
      await installation.answer(["stop"]);
      await installation.answer(["serve", "--detach"]);
      await context.step("SIGKILL leaves each lease with its listener, on the same port as before", async () => {
        const { runs, leases } = await startAll();
        assert.deepEqual(leases.map(({ port }) => port), ports);
        await endAll(runs, ["SIGKILL"]);
        await untilLookedAt(installation);
        const kept = new Map((await live()).map((lease) => [lease.id, lease]));
        for (const lease of leases) await assertKept(lease, kept.get(lease.id));
        const second = await installation.portd(["run", "web", "--", "true"], { cwd: worktrees[0]!.cwd });
        assert.equal(second.code, 4);
        assert.match(second.stderr, new RegExp(`listens already at http://localhost:${ports[0]}, by pid `));
      });
      await context.step("freed, the ports are those of the next start", async () => {
        await Promise.all(ports.map((port) => installation.answer(["free", String(port), "--yes"])));
        const { runs, leases } = await startAll();
        assert.deepEqual(leases.map(({ port }) => port), ports);
        await endAll(runs, ["SIGTERM"]);
        assert.deepEqual(commandsOf(installation), []);
      });
    } finally {
      killCommandsOf(installation);
      await installation[Symbol.asyncDispose]();
    }
  },
);

async function assertKept({ name, port, listener }: Lease, now: Lease | undefined): Promise<void> {
  assert.deepEqual([now?.name, now?.state, now?.listener?.pid], [name, "listening", listener?.pid]);
  assert.equal(await listens(port), true);
}
