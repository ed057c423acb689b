/** The first thing that a user does with portd. */
import assert from "node:assert/strict";
import type { Installation } from "./installation.ts";

/**
 * `portd lease web` on a machine without a daemon, again, and once more after the daemon was killed with SIGKILL: each
 * time the same port, alone on stdout.
 *
 * @returns the port.
 */
export async function askThreeTimes(
  installation: Installation,
  options: { readonly cwd?: string } = {},
): Promise<number> {
  await assert.rejects(installation.daemon(), Deno.errors.NotFound, "a daemon has been started already");
  const first = await installation.answer(["lease", "web"], options);
  assert.match(first, /^2\d{4}\n$/);
  const { pid } = await installation.daemon();
  assert.equal(await installation.answer(["lease", "web"], options), first);
  assert.equal((await installation.daemon()).pid, pid, "the second call started another daemon");
  await installation.killDaemon();
  assert.equal(await installation.answer(["lease", "web"], options), first);
  assert.notEqual((await installation.daemon()).pid, pid);
  return Number(first);
}
