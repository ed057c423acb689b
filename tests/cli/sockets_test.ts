/** The commands that look at sockets, against a whole daemon and real sockets. */
import assert from "node:assert/strict";
import { frame } from "../../src/cli/screen.ts";
import { answerOf } from "../support/answers.ts";
import { FakeSignals, portd } from "../support/cli.ts";
import { checkFailure, commandTest, ok } from "../support/command_setting.ts";
import { startTestDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/folder.ts";
import { linuxTest } from "../support/linux_only.ts";
import { MUTE } from "../support/raw_server.ts";
import { freePort, listen } from "../support/sockets.ts";

interface Setting {
  readonly run: (args: readonly string[], options?: Parameters<typeof portd>[1]) => ReturnType<typeof portd>;
}

function psTest(name: string, test: (setting: Setting) => Promise<void>): void {
  linuxTest(name, async () => {
    await using folder = await temporaryFolder();
    await using daemon = await startTestDaemon(folder.path);
    // The servers run in this process: its folder is the project's.
    const setting = { cwd: Deno.cwd(), env: { PORTD_URL: daemon.url } };
    await test({ run: (args, options) => portd(args, { ...options, ...setting }) });
  });
}

psTest("portd ps is a table of what listens, with process and lease", async ({ run }) => {
  const port = Number((await run(["lease", "shop/web"])).stdout);
  using _server = listen(port);
  const { code, stdout } = await run(["ps", "--pid", String(Deno.pid), "--port", String(port)]);
  assert.equal(code, 0);
  const [head, row, ...rest] = stdout.split("\n");
  assert.match(head!, /^PROTO +LOCAL +STATE +PID +COMMAND +LEASE$/);
  assert.match(row!, new RegExp(`^tcp +127\\.0\\.0\\.1:${port} +LISTEN +${Deno.pid} +deno\\S* .* +shop/web$`));
  assert.deepEqual(rest, [""]);
  const { listeners } = JSON.parse((await run(["ps", "--name", "web", "--json"])).stdout);
  assert.deepEqual(Object.keys(listeners[0]).sort(), (await answerOf(["ps"]))!.fields.toSorted());
  assert.deepEqual(listeners.map((each: { localPort: number }) => each.localPort), [port]);
});

psTest("portd ps --all shows connections with their peers, and --state asks for them", async ({ run }) => {
  using server = listen(0, "::1");
  const client = await Deno.connect({ hostname: "::1", port: server.port });
  const accepted = await server.listener.accept();
  const { port } = client.localAddr as Deno.NetAddr;
  const shown = (await run(["ps", "--all", "--port", String(server.port)])).stdout.split("\n");
  const all = shown.filter((line) => !line.includes("127.0.0.1")); // whoever had the number before
  assert.match(all[0]!, /^PROTO +LOCAL +REMOTE +STATE /);
  assert.match(all[1]!, new RegExp(`^tcp +\\[::1\\]:${server.port} +- +LISTEN `));
  assert.match(all[2]!, new RegExp(`^tcp +\\[::1\\]:${server.port} +\\[::1\\]:${port} +ESTABLISHED `));
  const established = await run(["ps", "--state", "established", "--port", String(server.port), "--json"]);
  const [row, ...others] = JSON.parse(established.stdout).listeners;
  assert.deepEqual([row.remotePort, others], [port, []]);
  client.close();
  accepted.close();
  const none = await run(["ps", "--port", String(server.port), "--protocol", "udp"]);
  assert.deepEqual(none, ok("", "no sockets\n"));
});

psTest("portd ps --watch draws on a screen of its own until Ctrl-C, and gives the old one back", async ({ run }) => {
  const signals = new FakeSignals();
  using server = listen();
  const onStdout = (text: string) => {
    if (text.startsWith("\x1b[H")) signals.send("SIGINT");
  };
  const options = { isTerminal: true, signals, onStdout };
  const { code, stdout } = await run(["ps", "--watch", "--port", String(server.port)], options);
  assert.equal(code, 0);
  assert.ok(stdout.startsWith("\x1b[?1049h") && stdout.endsWith("\x1b[?1049l"));
  assert.ok(stdout.includes(`127.0.0.1:${server.port}`));
  assert.equal(signals.listeners, 0);
});

commandTest("portd ps --watch ends at Ctrl-C also while the daemon answers nothing", async ({ daemon, run }) => {
  const signals = new FakeSignals();
  let asked = 0;
  daemon.fault = () => {
    if (++asked === 1) return undefined;
    queueMicrotask(() => signals.send("SIGINT"));
    return MUTE;
  };
  const { code, stdout } = await run(["ps", "--watch"], { isTerminal: true, signals, answerMs: 600_000 });
  assert.deepEqual([code, asked], [0, 2]);
  assert.ok(stdout.endsWith("\x1b[?1049l"));
  assert.equal(signals.listeners, 0);
});

Deno.test("frame() cuts lines to the terminal and counts those that are left out", () => {
  const picture = frame("one\ntwo and more\nthree\nfour\n", { columns: 7, rows: 3 });
  assert.equal(picture, "\x1b[Hone\x1b[K\r\ntwo and\r\n… 2 mor", "nothing is cleared where a line is full");
  assert.equal(frame("one\n", { columns: 7, rows: 3 }), "\x1b[Hone\x1b[K\r\n\x1b[J");
});

Deno.test("frame() cuts by the cells of a terminal, and never within a character", () => {
  const cut = (line: string, columns: number) =>
    frame(line, { columns, rows: 1 }).slice("\x1b[H".length).split("\x1b[K")[0];
  assert.equal(cut("サーバー", 4), "サー");
  assert.equal(cut("サーバー", 5), "サー");
  assert.equal(cut("a👍b", 2), "a");
  assert.equal(cut("a👍b", 3), "a👍");
  assert.equal(cut("👨‍👩‍👧 family", 3), "👨‍👩‍👧 ");
  assert.equal(cut("🇯🇵🇫🇷", 3), "🇯🇵");
  assert.equal(cut("e\u0301e\u0301", 1), "e\u0301");
  assert.equal(cut("ｈａｌｆ", 3), "ｈ");
  assert.equal(cut("ﾊﾞﾊﾞ", 3), "ﾊﾞ");
  assert.equal(cut("plain ä → …", 11), "plain ä → …");
  assert.equal(cut("a\x1b[31mred\x1b[39mb", 3), "a\x1b[31mre\x1b[39m", "styles take no cells and end with their text");
});

psTest("portd inspect answers in a few lines, and in JSON as the API does", async ({ run }) => {
  const port = Number((await run(["lease", "shop/web"])).stdout);
  const unclaimed = (await run(["inspect", String(port)])).stdout;
  assert.match(unclaimed, new RegExp(`^Port ${port} is leased to "shop/web" .* nobody listens yet`));
  assert.match(unclaimed, /\n {2}lease +shop\/web \(tcp, granted\), held by cli:/);
  using _server = listen(port);
  const listening = (await run(["inspect", String(port)])).stdout;
  assert.match(
    listening,
    new RegExp(`\n {2}listener +tcp 127\\.0\\.0\\.1 pid ${Deno.pid} deno.* \\(the holder's\\)\n`),
  );
  assert.match(listening, /\n {2}started by +\S/);
  assert.match((await run(["inspect", "shop/web"])).stdout, new RegExp(`^Port ${port} is leased to "shop/web"`));
  const json = JSON.parse((await run(["inspect", String(port), "--json"])).stdout);
  assert.deepEqual([json.port, json.verdict, json.listeners[0].pid], [port, "listening", Deno.pid]);
  const http = (await run(["inspect", "80"])).stdout;
  assert.match(
    http,
    /\n {2}class +system, listening needs an administrator's rights\n {2}service +tcp\+udp http \(World/,
  );
  assert.match((await run(["inspect", "0"])).stdout, /^Port 0 is not a port: /);
});

psTest("portd inspect of a name without a lease says so", async ({ run }) => {
  await checkFailure(run(["inspect", "shop/nobody"]), 1, /^portd: Cannot find [^\n]*"shop\/nobody"/);
});

psTest("portd wait follows a port that nobody leases", async ({ run }) => {
  const port = freePort();
  const early = run(["wait", String(port), "--timeout", "0"]);
  const server = listen(port);
  assert.deepEqual(await early, ok(`${port}\n`));
  const json = JSON.parse((await run(["wait", String(port), "--json", "--timeout", "0"])).stdout);
  assert.deepEqual(json, { port, listening: true });
  const late = await run(["wait", String(port), "--free", "--timeout", "20ms"]);
  assert.equal(late.code, 7);
  const leaving = run(["wait", String(port), "--free", "--timeout", "0"]);
  server[Symbol.dispose]();
  assert.deepEqual(await leaving, ok(""));
});

psTest("portd wait PORT takes no socket of UDP for one of TCP, and --udp takes no other", async ({ run }) => {
  const port = freePort();
  const states: string[] = [];
  const watch = async (name: string, ...args: string[]) => {
    const outcome = await run(["wait", String(port), "--timeout", "0", ...args]);
    states.push(name);
    return outcome;
  };
  const answer = ok(`${port}\n`);
  const tcp = watch("tcp");
  const datagrams = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
  assert.deepEqual(await watch("udp", "--udp"), answer);
  await watch("udp", "--udp"); // by now the other has looked as well
  assert.deepEqual(states, ["udp", "udp"]);
  const free = watch("free", "--free");
  const server = listen(port);
  assert.deepEqual(await tcp, answer);
  datagrams.close();
  assert.deepEqual(await watch("udp free", "--udp", "--free"), { ...answer, stdout: "" });
  assert.deepEqual(states.slice(2), ["tcp", "udp free"]);
  server[Symbol.dispose]();
  assert.deepEqual(await free, { ...answer, stdout: "" });
});

psTest("portd wait PORT judges a leased protocol by its lease, and TCP without one by who listens", async ({ run }) => {
  const port = Number((await run(["lease", "shop/dns", "--udp"])).stdout);
  const states: string[] = [];
  const waiting = run(["wait", String(port), "--udp", "--json", "--timeout", "0"]).then((outcome) => {
    states.push("udp");
    return outcome;
  });
  using _server = listen(port);
  const tcp = JSON.parse((await run(["wait", String(port), "--json", "--timeout", "0"])).stdout);
  assert.deepEqual([tcp, states], [{ port, listening: true }, []]);
  const datagrams = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
  const udp = JSON.parse((await waiting).stdout);
  assert.deepEqual([udp.name, udp.state], ["shop/dns", "listening"]);
  datagrams.close();
});
