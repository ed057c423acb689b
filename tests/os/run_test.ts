/** Real servers under `portd run`. */
import assert from "node:assert/strict";
import { Installation } from "../support/os/installation.ts";
import { makeProject, makePythonProject, makeViteProject } from "../support/os/project.ts";
import { linux, npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { runService } from "../support/os/run_scenario.ts";
import { isListening, textOf, untilAll } from "../support/os/runs.ts";

const NEEDS = [linux, tools("setsid", "python3")];

osTest("portd run serves a Vite project on the leased port and releases it at Ctrl-C", [
  ...NEEDS,
  tools("npx"),
  npmRegistry,
], async () => {
  await using installation = await Installation.create();
  await runService(installation, await makeViteProject(installation));
});

osTest("portd run serves a folder with Python's http.server and releases the port at Ctrl-C", NEEDS, async () => {
  await using installation = await Installation.create();
  await runService(installation, await makePythonProject(installation));
});

osTest("portd run gives a Deno server its port in PORT and releases it at Ctrl-C", NEEDS, async () => {
  await using installation = await Installation.create();
  const server = 'Deno.serve({ port: Number(Deno.env.get("PORT")) }, () => new Response("served by Deno"));';
  const cwd = await makeProject(installation, "api", { "server.ts": server });
  await runService(installation, {
    cwd,
    command: [Deno.execPath(), "run", "--no-config", "--allow-net", "--allow-env=PORT", "server.ts"],
    page: /^served by Deno$/,
    listener: /deno run .*server\.ts/,
  });
});

/** A server that does not set SO_REUSEADDR, as socat and some servers in C do not. */
const WITHOUT_REUSE = `import os, signal, socket
server = socket.socket()
server.bind(("127.0.0.1", int(os.environ["PORT"])))
server.listen()
signal.pause()
`;

const restartText = (port: number) =>
  `portd: the command was refused a TCP port, and nobody listens on that of plain/web (${port}/tcp): it may not set ` +
  "SO_REUSEADDR, without which no server can bind a port that portd holds, or it may have asked for another port; " +
  "starting again with --hold none";

osTest("portd run starts a server that cannot bind a held port again, without a hold", NEEDS, async () => {
  await using installation = await Installation.create();
  const cwd = await makeProject(installation, "plain", { "server.py": WITHOUT_REUSE });
  await installation.answer(["ls"]); // starts the daemon
  const args = ["run", "web", "--", "python3", "server.py"];
  const run = installation.command(args, { before: ["setsid"], cwd, stdin: "null", stdout: "null" }).spawn();
  const stderr = textOf(run.stderr);
  const [lease] = await untilAll(installation, ["plain/web"], isListening);
  assert.equal(lease?.hold, "none");
  run.kill("SIGTERM");
  assert.equal((await run.status).code, 128 + 15);
  const said = (await stderr).split("\n").filter((line) => line.startsWith("portd: "));
  assert.deepEqual(said, [
    restartText(lease!.port),
  ]);
});

osTest(
  "portd run says that a server may have asked for another port when it fails without a hold too",
  NEEDS,
  async () => {
    await using installation = await Installation.create();
    const cwd = await makeProject(installation, "plain", { "server.py": WITHOUT_REUSE });
    const stranger = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const command = ["run", "web", "--", "env", `PORT=${stranger.addr.port}`, "python3", "server.py"];
    const { code, stderr } = await installation.portd(command, { cwd });
    stranger.close();
    assert.equal(code, 1);
    const said = stderr.split("\n").filter((line) => line.startsWith("portd: "));
    const port = Number(/\((\d+)\/tcp\)/.exec(said[0] ?? "")?.[1]);
    assert.deepEqual(said, [
      restartText(port),
      `portd: the command was refused a TCP port: it may have asked for another port than ${port}, which something else ` +
      "has; add what sets its port to the command, like: --port {port}",
    ]);
  },
);

/** Listens; at the first connection it is refused a port, and fails. Fails otherwise when it is run again. */
const REFUSED_LATER = `import os, socket, sys
if os.path.exists("ran"):
    sys.exit(7)
open("ran", "w").close()
port = ("127.0.0.1", int(os.environ["PORT"]))
with socket.create_server(port) as server:
    server.accept()
    try:
        socket.socket().bind(port)
    except OSError:
        sys.exit(1)
`;

osTest(
  "portd run does not start a server again that has served, as one does that reads Ctrl-C as a key",
  NEEDS,
  async () => {
    await using installation = await Installation.create({ env: { PORTD_WATCH_MS: "50" } });
    const cwd = await makeProject(installation, "plain", { "server.py": REFUSED_LATER });
    await installation.answer(["ls"]); // starts the daemon
    const options = { cwd, stdin: "null", stdout: "null" } as const;
    const run = installation.command(["run", "web", "--", "python3", "server.py"], options).spawn();
    const stderr = textOf(run.stderr);
    const [lease] = await untilAll(installation, ["plain/web"], isListening);
    (await Deno.connect({ hostname: "127.0.0.1", port: lease!.port })).close();
    assert.equal((await run.status).code, 1);
    assert.equal(await stderr, "");
  },
);

osTest("portd run runs a command that fails for another reason once", NEEDS, async () => {
  await using installation = await Installation.create();
  const cwd = await makeProject(installation, "plain", {});
  const { code, stdout } = await installation.portd(["run", "web", "--", "sh", "-c", "echo ran; exit 3"], { cwd });
  assert.deepEqual([code, stdout], [3, "ran\n"]);
});

osTest("portd inspect names the hold as what may keep a server from its port", NEEDS, async () => {
  await using installation = await Installation.create();
  const cwd = await makeProject(installation, "plain", {});
  const port = (await installation.answer(["lease", "web"], { cwd })).trim();
  assert.match(await installation.answer(["inspect", port]), /SO_REUSEADDR: portd lease plain\/web --hold none\n/);
  await installation.answer(["lease", "plain/web", "--hold", "none"], { cwd });
  assert.doesNotMatch(await installation.answer(["inspect", port]), /SO_REUSEADDR/);
});
