/** `--watch` of `portd ls` and `portd ps`: when a list is drawn again, and how the terminal is left. */
import assert from "node:assert/strict";
import { type CliOptions, FakeSignals } from "../support/cli.ts";
import { checkFailure, commandTest, type Setting } from "../support/command_setting.ts";
import type { FakeDaemon } from "../support/fake_daemon.ts";

const ENTER = "\x1b[?1049h", LEAVE = "\x1b[?1049l", HOME = "\x1b[H";

/** A list that is watched. */
class Watching {
  readonly signals = new FakeSignals();
  /** What was drawn, whole pictures alone. */
  readonly pictures: string[] = [];
  readonly outcome: ReturnType<Setting["run"]>;
  suspended = 0;
  size = { columns: 80, rows: 24 };
  readonly #waiting = new Set<{ readonly wanted: (picture: string) => boolean; readonly resolve: () => void }>();

  constructor({ run }: Pick<Setting, "run">, args: readonly string[], options: CliOptions = {}) {
    this.outcome = run(args, {
      isTerminal: true,
      signals: this.signals,
      sizeNow: () => this.size,
      onSuspend: () => this.suspended++,
      onStdout: (text) => this.#drawn(text),
      ...options,
    });
  }

  /** Resolves when a picture is drawn, or was drawn last, that holds the text. */
  async shows(text: string): Promise<void> {
    const wanted = (picture: string) => picture.includes(text);
    if (this.pictures.length > 0 && wanted(this.pictures.at(-1)!)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add({ wanted, resolve });
    const early = this.outcome.then(({ stderr }) => Promise.reject(new Error(`ended before "${text}": ${stderr}`)));
    await Promise.race([promise, early]);
  }

  /** Resolves when the stream is open, and the look is made that is due then. */
  async followed(daemon: FakeDaemon): Promise<void> {
    await daemon.whenStreaming();
    await daemon.whenAsked("/v1/leases");
  }

  /** Ctrl-C. */
  async end(): ReturnType<Setting["run"]> {
    this.signals.send("SIGINT");
    return await this.outcome;
  }

  #drawn(text: string): void {
    if (!text.startsWith(HOME)) return;
    this.pictures.push(text);
    for (const each of this.#waiting) {
      if (!each.wanted(text)) continue;
      this.#waiting.delete(each);
      each.resolve();
    }
  }
}

const lists = ({ daemon }: Pick<Setting, "daemon">) => daemon.asked("GET", "/v1/leases").length;

commandTest("portd ls --watch draws the list when something changes, and nothing otherwise", async (setting) => {
  const { daemon } = setting;
  const watching = new Watching(setting, ["ls", "--watch"]);
  await watching.followed(daemon);
  const web = await daemon.grant({ name: "web", project: "shop" });
  await watching.shows("shop/web");
  const looks = lists(setting);
  daemon.domain.events.publish({ type: "rule.failed", reason: "nothing of a lease" }, daemon.clock.now());
  const asked = daemon.whenAsked("/v1/leases");
  daemon.clock.advance(50);
  await asked;
  assert.equal(lists(setting), looks + 1, "an event is a reason to look");
  await daemon.serve(web);
  await watching.shows("listening");
  const { code, stdout, stderr } = await watching.end();
  assert.deepEqual([code, stderr, watching.signals.listeners], [0, "", 0]);
  assert.equal(watching.pictures.length, 3, "what has not changed is not drawn");
  assert.ok(stdout.startsWith(ENTER) && stdout.endsWith(LEAVE));
  assert.ok(watching.pictures.every((picture) => !picture.includes("\x1b[2J")), "the screen is never cleared");
});

commandTest("portd ls --watch looks a few times a second at most, whatever happens", async (setting) => {
  const { daemon } = setting;
  const watching = new Watching(setting, ["ls", "--watch"]);
  await watching.followed(daemon);
  const before = lists(setting), startedAt = performance.now();
  for (let i = 0; i < 100; i++) {
    daemon.domain.events.publish({ type: "rule.failed", reason: "again" }, daemon.clock.now());
    daemon.clock.advance(50);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await daemon.grant({ name: "last" });
  await watching.shows("last");
  const mostLooks = 2 + (performance.now() - startedAt) / 200;
  assert.ok(lists(setting) - before <= mostLooks, `${lists(setting) - before} looks`);
  await watching.end();
});

commandTest("portd ls --watch fits the terminal again when that has another size", async (setting) => {
  await setting.daemon.grant({ name: "a-name-of-some-length", project: "shop" });
  const watching = new Watching(setting, ["ls", "--watch"]);
  await watching.followed(setting.daemon);
  const looks = lists(setting);
  watching.size = { columns: 34, rows: 24 };
  watching.signals.send("SIGWINCH");
  assert.ok(!watching.pictures.at(-1)!.includes("COMMAND"), "at once, without asking anybody");
  assert.equal(lists(setting), looks);
  watching.size = { columns: 80, rows: 2 };
  await watching.shows("… 2 more"); // the signal may be missing, as on Windows
  await watching.end();
});

commandTest("portd ls --watch gives the terminal back at Ctrl-Z, and takes it again", async (setting) => {
  const watching = new Watching(setting, ["ls", "--watch"]);
  await watching.shows("no leases");
  watching.signals.send("SIGTSTP");
  assert.equal(watching.suspended, 1);
  watching.signals.send("SIGCONT");
  assert.equal(watching.pictures.length, 2, "drawn whole again");
  const { stdout } = await watching.end();
  const screens = stdout.split("\x1b[?1049").slice(1).map((text) => `\x1b[?1049${text[0]}`);
  assert.deepEqual(screens, [ENTER, LEAVE, ENTER, LEAVE]);
});

commandTest(
  "portd ls --watch keeps the list while the daemon is away, says so, and goes on by itself",
  async (setting) => {
    const { daemon } = setting;
    await daemon.grant({ name: "web", project: "shop" });
    const opened = daemon.whenAsked("/v1/events");
    const watching = new Watching(setting, ["ls", "--watch"], {
      columns: 200,
      sizeNow: () => ({ columns: 200, rows: 24 }),
    });
    await opened;
    daemon.fault = () => [""];
    daemon.breakStreams();
    await watching.shows("trying again");
    assert.ok(watching.pictures.at(-1)!.includes("shop/web"));
    await daemon.grant({ name: "late", project: "shop" });
    daemon.fault = () => undefined;
    await watching.shows("shop/late");
    const { code } = await watching.end();
    assert.equal(code, 0);
    assert.ok(!watching.pictures.at(-1)!.includes("trying again"));
  },
);

commandTest("portd ls --watch ends with the error of a daemon that answers nonsense", async (setting) => {
  const { daemon } = setting;
  const watching = new Watching(setting, ["ls", "--watch"]);
  await watching.shows("no leases");
  daemon.fault = ({ path }) => path === "/v1/leases" ? Response.json({ leases: 7 }) : undefined;
  await daemon.grant({ name: "web" });
  const { code, stdout, stderr } = await watching.outcome;
  assert.deepEqual([code, stdout.endsWith(LEAVE), watching.signals.listeners], [1, true, 0]);
  assert.match(stderr, /^portd: Cannot use /);
});

commandTest("portd ls --watch shows conflicts first, with their reason and in their colour", async (setting) => {
  const { daemon } = setting;
  const holder = { id: "x", cwd: "/shop" };
  await daemon.grant({ name: "calm", project: "shop", holder });
  const { port } = await daemon.grant({ name: "taken", project: "shop", holder });
  daemon.machine.start(99, { command: "intruder", cwd: "/blog" });
  daemon.machine.listen({ protocol: "tcp", port }, { pid: 99 });
  await daemon.look();
  const watching = new Watching(setting, ["ls", "--watch"], { isColoured: true });
  await watching.shows("conflict");
  const [picture] = watching.pictures;
  assert.ok(picture!.indexOf("shop/taken") < picture!.indexOf("shop/calm"));
  assert.ok(picture!.includes("\x1b[31mconflict\x1b[39m"));
  assert.match(picture!, /shop\/taken \(\d+\/tcp\): pid 99 /);
  await watching.end();
});

commandTest("portd ps --watch looks every second, and at once when there is an event", async (setting) => {
  const { daemon } = setting;
  const lease = await daemon.grant({ name: "web", project: "shop" });
  const watching = new Watching(setting, ["ps", "--watch"]);
  await watching.shows("no sockets");
  await daemon.serve(lease);
  await watching.shows("shop/web");
  daemon.machine.listen({ protocol: "tcp", port: 4999 }, { pid: Deno.pid }); // on no lease: there is no event
  await watching.shows(":4999");
  assert.equal((await watching.end()).code, 0);
});

commandTest("--watch needs a terminal, and is for people", async ({ daemon, run }) => {
  for (const command of ["ls", "ps"]) {
    const refusal = /^portd: Cannot use --watch: stdout is no terminal; portd events prints what changes\n$/;
    await checkFailure(run([command, "--watch"]), 2, refusal);
    await checkFailure(run([command, "--watch", "--json"]), 2, /portd events --json prints what changes/);
  }
  for (const flags of [["--ended"], ["--all"], ["--state", "released"]]) {
    const { code, stdout } = await run(["ls", "--watch", ...flags], { isTerminal: true });
    assert.deepEqual([code, stdout], [2, ""]);
  }
  assert.equal(daemon.requests.length, 0);
});
