/** What commands do when something else has the daemon's address, or when there is no daemon at all. */
import assert from "node:assert/strict";
import { type CliOutcome, portd } from "../../support/cli.ts";
import { checkFailure } from "../../support/command_setting.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { linuxTest } from "../../support/linux_only.ts";
import { type Bytes, RawServer, type Reply, respond } from "../../support/raw_server.ts";
import { freePort, listen } from "../../support/sockets.ts";

type Run = (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<CliOutcome>;

interface Place {
  readonly run: Run;
  readonly port: number;
}

/** Declares a test with an address for the daemon on which nobody listens yet. */
function placeTest(name: string, test: (place: Place) => Promise<void>): void {
  linuxTest(name, async () => {
    await using folder = await temporaryFolder();
    const port = freePort();
    const common = {
      PORTD_AUTOSTART: "0",
      PORTD_LISTEN: `127.0.0.1:${port}`,
      PORTD_STATE_DIR: `${folder.path}/state`,
    };
    await test({ port, run: (args, env = {}) => portd(args, { cwd: folder.path, env: { ...common, ...env } }) });
  });
}

const ANSWERS: Readonly<Record<string, () => Reply>> = {
  "a web server": () => respond("<h1>hello</h1>", { type: "text/html", status: 404 }),
  "a mail server": (): Bytes => ["220 mail.example ESMTP\r\n"],
  "a server that closes every connection": (): Bytes => [""],
};

for (const [what, answer] of Object.entries(ANSWERS)) {
  placeTest(
    `a command that finds ${what} on the daemon's address names its process and both ways out`,
    async (place) => {
      const { run, port } = place;
      await using _stranger = new RawServer(() => Promise.resolve(answer()), { port });
      const who = `pid ${Deno.pid} \\(deno .*, user \\S+\\) listens there: end it \\((?:sudo )?kill ${Deno.pid}\\), or`;
      for (const args of [["lease", "web"], ["ls"], ["status"], ["stop"]]) {
        const move = new RegExp(
          `^portd: Cannot talk to .*; ${who} move portd \\(PORTD_LISTEN=127\\.0\\.0\\.1:\\d+\\)\n$`,
        );
        await checkFailure(run(args), 3, move);
        const given = new RegExp(`; ${who} give the address of portd with --url or PORTD_URL\n$`);
        await checkFailure(run(args, { PORTD_URL: `http://127.0.0.1:${port}` }), 3, given);
      }
      const { error } = JSON.parse((await run(["lease", "web", "--json"])).stderr);
      assert.equal(error.code, "no_daemon");
      assert.match(error.message, new RegExp(who));
    },
  );
}

placeTest(
  "portd ps and inspect look themselves where something else has the daemon's address",
  async ({ run, port }) => {
    await using _stranger = new RawServer(() => Promise.resolve(respond("hello", { type: "text/plain" })), { port });
    const ps = await run(["ps", "--port", `${port}`]);
    assert.equal(ps.code, 0, ps.stderr);
    assert.match(ps.stdout, new RegExp(`\ntcp +127\\.0\\.0\\.1:${port} +LISTEN +${Deno.pid} +deno .* -\n$`));
    const note = new RegExp(
      `^note: without a daemon no lease is known: Cannot talk to portd at .* listens there: end it .*\n$`,
    );
    assert.match(ps.stderr, note);
    const inspected = await run(["inspect", `${port}`]);
    const unknown = "whether it is leased is not known without a daemon";
    assert.match(inspected.stdout, new RegExp(`^Port ${port} is in use: pid ${Deno.pid} .* listens.*; ${unknown}\n`));
    assert.match(inspected.stderr, note);
    // An address that was given means that daemon and no other.
    for (const args of [["ps"], ["inspect", `${port}`]]) {
      await checkFailure(run(args, { PORTD_URL: `http://127.0.0.1:${port}` }), 3, /something else answers there/);
    }
  },
);

placeTest("portd ps and inspect look themselves where no daemon runs, marked as such", async ({ run, port }) => {
  using server = listen();
  const ps = await run(["ps", "--json", "--port", `${server.port}`]);
  assert.deepEqual([ps.code, ps.stderr], [0, ""]);
  const { daemon, listeners } = JSON.parse(ps.stdout);
  assert.deepEqual([daemon, listeners.length, listeners[0].pid, listeners[0].lease], [null, 1, Deno.pid, null]);
  const inspected = JSON.parse((await run(["inspect", `${server.port}`, "--json"])).stdout);
  assert.deepEqual([inspected.daemon, inspected.verdict, inspected.listeners[0].pid], [null, "listening", Deno.pid]);
  const free = await run(["inspect", `${port}`]);
  assert.match(free.stdout, new RegExp(`^Port ${port} is free; whether it is leased is not known without a daemon`));
  assert.match(free.stderr, /^note: without a daemon no lease is known: Cannot find a daemon: nobody answers at .*\n$/);
  for (const args of [["ps", "--name", "web"], ["inspect", "web"]]) {
    await checkFailure(run(args), 3, /^portd: Cannot find a daemon: nobody answers at /);
  }
});
