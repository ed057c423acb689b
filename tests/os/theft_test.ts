/** Another user who exhausts root's daemon gets neither its address nor the token, and root still gets answers. */
import assert from "node:assert/strict";
import { Installation } from "../support/os/installation.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { startThief } from "../support/os/thief.ts";
import { runTool } from "../support/os/tool.ts";

/** Where the machine allows fewer descriptors, that number is taken. */
const LIMITS = [512, 20_000, 65_536];
/** More than a daemon with a limit of up to 20,000 can have, and fewer than there are ports to connect from. */
const MOST_CONNECTIONS = 21_000;
const LEASES = 400;

for (const limit of LIMITS) {
  osTest(`a user who takes every descriptor of ${limit} gets neither the address of root's daemon nor its token`, [
    linux,
    root,
    tools("prlimit", "python3"),
  ], async () => {
    await using installation = await Installation.create();
    const open = Math.min(limit, await hardLimit());
    await using daemon = await ServedDaemon.start(installation, { before: ["prlimit", `--nofile=${open}:${open}`] });
    const token = (await Deno.readTextFile(`${installation.stateDir}/admin.token`)).trim();
    const port = Number(new URL(daemon.url).port);
    const connections = Math.min(2 * open, MOST_CONNECTIONS);
    await using thief = await startThief(port, { leases: LEASES, connections });
    assert.ok(thief.leased > 0);
    for (const command of ["export", "status", "export", "status"]) {
      await installation.answer([command], { env: { PORTD_TOKEN: token } });
    }
    const { tries, bound } = await thief.report();
    assert.ok(tries > 0);
    assert.deepEqual(bound, []);
    const { code, stderr } = await installation.portd(["stop"]);
    assert.deepEqual([code, stderr], [0, `stopped portd at http://127.0.0.1:${port} (pid ${daemon.pid})\n`]);
    assert.equal((await daemon.status).code, 0);
    const { received } = await thief.report(); // now anybody may have the address
    assert.ok(!received.join("").includes(token));
    assert.ok(!/authorization/i.test(received.join("")));
  });
}

async function hardLimit(): Promise<number> {
  return Number(await runTool("prlimit", ["--nofile", "--output=HARD", "--noheadings", "--raw"]));
}
