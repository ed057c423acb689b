/** `spawn.eof` and `spawn.handles`: what a daemon that a command has started keeps of that command. */
import { within } from "../wait.ts";
import { childWords, endSleeper, sleeperIn, type Starter, workingFolder } from "./child.ts";
import { fail, type Item, ok, type Outcome } from "./self_test.ts";

/** How long the end of a stdout is waited for after its writer has ended: one that is kept open never ends meanwhile. */
const EOF_LIMIT_MS = 10_000;

/** The items that every system has. */
export function spawnItems(starter: Starter): readonly Item[] {
  return [
    {
      id: "spawn.eof",
      does: "start a process that starts another one in the background",
      run: (folder) => testEof(folder, starter),
    },
  ];
}

/** Does the daemon that a command starts keep the command's stdout open? `$(portd lease web)` would wait for it. */
async function testEof(folder: string, starter: Starter): Promise<Outcome> {
  const [program, ...args] = childWords(starter, "start", folder);
  const child = new Deno.Command(program!, { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  const reader = child.stdout.getReader();
  const end = (async () => {
    while (!(await reader.read()).done);
    return true;
  })();
  const { code } = await child.status;
  const start = performance.now();
  const isAtEnd = await within(end, EOF_LIMIT_MS) ?? false;
  const eofMs = isAtEnd ? Math.round(performance.now() - start) : null;
  if (!isAtEnd) await reader.cancel();
  if (code !== 0) return fail(`the process that starts another one ended with exit code ${code}`);
  await endSleeper(folder, await sleeperIn(folder));
  if (!isAtEnd) return fail(`no end of its stdout within ${EOF_LIMIT_MS} ms of its end: its child has it open`);
  return ok({ eofMs });
}

/** `spawn.handles` where a socket is all that can be inherited by mistake: the port of a listener must be free again. */
export function portItem(starter: Starter): Item {
  return {
    id: "spawn.handles",
    does: "start a process in the background while a port is open",
    async run(folder) {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr as Deno.NetAddr;
      await starter.startDetached(childWords(starter, "sleep", folder), workingFolder());
      listener.close();
      const pid = await sleeperIn(folder);
      try {
        Deno.listen({ hostname: "127.0.0.1", port }).close();
        return ok();
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrInUse)) throw error;
        return fail("a process in the background keeps a port of ours");
      } finally {
        await endSleeper(folder, pid);
      }
    },
  };
}
