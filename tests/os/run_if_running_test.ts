/** `portd run --if-running` with a real daemon and real servers. */
import assert from "node:assert/strict";
import { Installation } from "../support/os/installation.ts";
import { makeProject } from "../support/os/project.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { isListening, killCommandsOf, Run, untilAll } from "../support/os/runs.ts";

const NEEDS = [linux, tools("setsid", "python3")];
const SERVER = ["python3", "-m", "http.server", "{port}"];
/** A shell that goes on when its server has ended. */
const LINGERING = ["sh", "-c", "python3 -m http.server $PORT; exec sleep 3600"];

/** A daemon that looks often at leases and holders. */
async function open() {
  const installation = await Installation.create({ env: { PORTD_WATCH_MS: "50", PORTD_PROCESS_GRACE_MS: "0" } });
  const cwd = await makeProject(installation, "shop", {});
  await installation.answer(["serve", "--detach"]);
  return { installation, cwd };
}

/** Waits until a server listens that is not this one. */
async function listenerOf(installation: Installation, before?: number) {
  const isOther = (lease: Parameters<typeof isListening>[0]) => isListening(lease) && lease.listener?.pid !== before;
  const [lease] = await untilAll(installation, ["shop/web"], isOther);
  return { port: lease!.port, pid: lease!.listener!.pid! };
}

osTest("portd run fails, attaches and restarts where its service listens already", NEEDS, async () => {
  const { installation, cwd } = await open();
  await using _ = installation;
  try {
    const first = Run.start(installation, { cwd, command: SERVER });
    const { port, pid } = await listenerOf(installation);

    const refused = await installation.portd(["run", "web", "--", "false"], { cwd });
    assert.deepEqual([refused.code, refused.stdout], [4, ""]);
    const who = `listens already at http://localhost:${port}, by pid ${pid} \\(.*http\\.server ${port}, .* in .*/shop`;
    assert.match(refused.stderr, new RegExp(who));

    const attached = await installation.portd(["run", "web", "--if-running", "attach", "--", "false"], { cwd });
    assert.deepEqual(attached, { code: 0, stdout: `http://localhost:${port}\n`, stderr: "" });

    const second = Run.start(installation, { cwd, names: ["web", "--if-running", "restart"], command: SERVER });
    assert.equal(await first.code(), 128 + 15, "the first run ends with its server");
    const again = await listenerOf(installation, pid);
    assert.equal(again.port, port);
    assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /Directory listing/);
    second.signal("SIGTERM");
    assert.equal(await second.code(), 128 + 15);
    assert.match(await second.stderr(), new RegExp(`^portd: pid ${pid} ended on TERM after \\d+\\.\\d s\n`));
    assert.equal(await installation.answer(["run", "web", "--", "echo", "{port}"], { cwd }), `${port}\n`);
  } finally {
    killCommandsOf(installation);
  }
});

osTest("a run that goes on without its server loses the lease to the one that restarts it", NEEDS, async () => {
  const { installation, cwd } = await open();
  await using _ = installation;
  try {
    const first = Run.start(installation, { cwd, command: LINGERING });
    const { port, pid } = await listenerOf(installation);
    const args = ["run", "web", "--if-running", "restart", "--", "echo", "{port}"];
    const { code, stdout, stderr } = await installation.portd(args, { cwd });
    assert.deepEqual([code, stdout], [0, `${port}\n`], stderr);
    const lines = `portd: pid ${pid} .*\nportd: pid \\d+ \\(portd run web -- sh -c .*\\) still runs; ` +
      `shop/web \\(${port}/tcp\\) is taken from it\n`;
    assert.match(stderr, new RegExp(`^${lines}$`));
    first.signal("SIGKILL");
    assert.equal(await first.code(), 128 + 9);
  } finally {
    killCommandsOf(installation);
  }
});
