/** `portd events`: what it begins with, what it leaves out, and how it goes on after a break. */
import assert from "node:assert/strict";
import { type CliOptions, FakeSignals } from "../support/cli.ts";
import { checkFailure, commandTest, ok, type Setting } from "../support/command_setting.ts";
import type { FakeDaemon } from "../support/fake_daemon.ts";

/** As many events as the daemon keeps. */
const MOST_KEPT = 10_000;

function failRules(daemon: FakeDaemon, reasons: readonly string[]): void {
  for (const reason of reasons) daemon.domain.events.publish({ type: "rule.failed", reason }, daemon.clock.now());
}

/** Runs `portd events` until it has printed a text; `onLine` is called with each line of stdout. */
async function follow(
  { run }: Pick<Setting, "run">,
  args: readonly string[],
  { until, onLine = () => {}, ...options }: CliOptions & {
    readonly until: string;
    readonly onLine?: (line: string) => void;
  },
) {
  const signals = new FakeSignals();
  const onStdout = (text: string) => {
    onLine(text.trimEnd());
    if (text.includes(until)) signals.send("SIGINT");
  };
  const outcome = await run(["events", ...args], { ...options, signals, onStdout });
  return { ...outcome, lines: outcome.stdout.trimEnd().split("\n") };
}

const typesIn = (text: string) => text.match(/(?<=Z )\S+/g) ?? [];

commandTest("portd events --no-follow prints what is kept and ends", async ({ daemon, run }) => {
  assert.deepEqual(await run(["events", "--no-follow"]), ok(""));
  const lease = await daemon.grant({ name: "web", project: "shop" });
  await daemon.end(lease.id, "released");
  const all = await run(["events", "--no-follow"]);
  assert.deepEqual([all.code, all.stderr, typesIn(all.stdout)], [0, "", ["lease.granted", "lease.released"]]);
  assert.deepEqual(await run(["events", "--no-follow", "--since", "all"]), all);
  const [first] = (await run(["events", "--no-follow", "--json"])).stdout.split("\n");
  for (const flag of ["--since", "--after"]) {
    const rest = await run(["events", "--no-follow", flag, JSON.parse(first!).id]);
    assert.deepEqual(typesIn(rest.stdout), ["lease.released"]);
  }
});

commandTest("portd events --type leaves out other types, by name or by what stands before the dot", async (setting) => {
  const { daemon, run } = setting;
  const lease = await daemon.grant({ name: "web" });
  failRules(daemon, ["no nft"]);
  await daemon.end(lease.id, "released");
  const typesOf = async (...args: string[]) => typesIn((await run(["events", "--no-follow", ...args])).stdout);
  assert.deepEqual(await typesOf("--type", "rule"), ["rule.failed"]);
  assert.deepEqual(await typesOf("--type", "lease.released,rule.failed"), ["rule.failed", "lease.released"]);
  assert.deepEqual(await typesOf("--type", "lease", "--type", "rule"), [
    "lease.granted",
    "rule.failed",
    "lease.released",
  ]);
  assert.deepEqual(await typesOf("--type", "mapping"), []);
});

commandTest("portd events --since TIME begins with what has happened in that time", async ({ daemon, run }) => {
  const { events } = daemon.domain;
  events.publish({ type: "rule.failed", reason: "old" }, Date.now() - 3_600_000);
  events.publish({ type: "rule.failed", reason: "new" }, Date.now());
  assert.match((await run(["events", "--no-follow", "--since", "10m"])).stdout, /^\S+ rule\.failed new\n$/);
  const both = await follow({ run }, ["--since", "2h"], { until: "new" });
  assert.deepEqual(both.lines.map((line) => line.slice(-3)), ["old", "new"]);
});

commandTest("portd events refuses a place, a type and flags that make no sense", async ({ daemon, run }) => {
  for (
    const args of [
      ["--since", "yesterday"],
      ["--since", ""],
      ["--type", "lease.gone"],
      ["--type", "lea"],
      ["--follow", "--no-follow"],
      ["--since", "all", "--after", "x-1"],
    ]
  ) await checkFailure(run(["events", ...args]), 2, /./);
  assert.equal(daemon.requests.length, 0);
});

commandTest(
  "portd events goes on after a break with what happened meanwhile, and says so on stderr",
  async (setting) => {
    const { daemon } = setting;
    const opened = daemon.whenStreaming();
    const breakIt = (meanwhile: string) => {
      daemon.breakStreams();
      failRules(daemon, [meanwhile]);
    };
    const onLine = (line: string) => {
      if (line.endsWith("first")) breakIt("second");
      else if (line.endsWith("second")) failRules(daemon, ["third"]);
      daemon.clock.advance(50);
    };
    const following = follow(setting, ["--follow"], { until: "third", onLine });
    await opened;
    breakIt("first"); // nothing has come before: even so nothing is lost
    const { code, stderr, lines } = await following;
    assert.deepEqual([code, lines.map((line) => line.split(" ").at(-1))], [0, ["first", "second", "third"]]);
    const said = stderr.trimEnd().split("\n").map((line) => line.replace(/trying again: .*/, "trying again"));
    const once = ["note: the events of the daemon are lost, trying again", "note: the events of the daemon are back"];
    assert.deepEqual(said, [...once, ...once]);
  },
);

commandTest(
  "portd events says how many events are lost, and that a restarted daemon knows no place",
  async (setting) => {
    const { daemon } = setting;
    failRules(daemon, ["first"]);
    const { id } = JSON.parse((await setting.run(["events", "--no-follow", "--json"])).stdout);
    failRules(daemon, Array.from({ length: MOST_KEPT + 2 }, (_, i) => `${i}`));
    const lost = await setting.run(["events", "--no-follow", "--since", id, "--json"]);
    const last = `${id.split("-")[0]}-${MOST_KEPT + 3}`;
    assert.deepEqual(JSON.parse(lost.stdout), { type: "reset", id: last, missed: MOST_KEPT + 2 });
    assert.equal(
      lost.stderr,
      `note: ${MOST_KEPT + 2} events are missing here: the daemon keeps only the last ones\n`,
    );
    const other = await setting.run(["events", "--no-follow", "--since", "other-7", "--type", "lease"]);
    assert.deepEqual([other.code, other.stdout], [0, "reset\n"], "a reset is of every type");
    assert.match(
      other.stderr,
      /^note: events are missing here: the daemon was restarted, or has forgotten the place\n$/,
    );
  },
);

commandTest("portd events ends well when the reader of its output does", async ({ daemon, run }) => {
  failRules(daemon, ["first", "second"]);
  const signals = new FakeSignals();
  let written = 0;
  const onStdout = () => {
    written++;
    throw new Deno.errors.BrokenPipe("Broken pipe");
  };
  const { code, stderr } = await run(["events", "--since", "all"], { signals, onStdout });
  assert.deepEqual([code, stderr, written, signals.listeners], [0, "", 1, 0]);
});
