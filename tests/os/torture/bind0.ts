/**
 * Many processes ask the kernel for ports, by bind(0) and by connect(), while the daemon holds leases in the ephemeral
 * range; counts how often the kernel gives a held port away. Then the leases are released and the same is done again:
 * that the kernel now does give those ports away shows that the first count could have failed.
 *
 * Run: deno run -A tests/os/torture/bind0.ts --processes 32 --rounds 200
 */
import { parseArgs } from "node:util";
import { call } from "../../support/os/api.ts";
import { Installation } from "../../support/os/installation.ts";
import { ServedDaemon } from "../../support/os/served_daemon.ts";
import { listen } from "../../support/sockets.ts";
import type { Chosen } from "./bind0_client.ts";

/** Options of {@linkcode bind0}. */
export interface Bind0Options {
  /** @default 32 */
  readonly processes?: number;
  /** Ports that each process asks for, in each of the two ways. @default 200 */
  readonly rounds?: number;
  /** Ports to hold. @default 9000 */
  readonly ports?: number;
}

/** What happened. */
export interface Bind0Report {
  /** Ports that the daemon held. */
  readonly held: number;
  /** Calls of bind(0), and as many of connect(). */
  readonly calls: number;
  /** Held ports that the kernel gave away; empty when portd keeps its promise. */
  readonly collisions: readonly number[];
  /** How many of the same ports it gave away when they were no longer held. */
  readonly afterRelease: number;
}

const LANES = 32, LABEL = "torture:bind0";

/** Runs it. @throws {Error} when the daemon cannot hold the ports. */
export async function bind0({ processes = 32, rounds = 200, ports = 9000 }: Bind0Options = {}): Promise<Bind0Report> {
  await using installation = await Installation.create({ env: { PORTD_COOLDOWN_MS: "0", PORTD_AUTOSTART: "0" } });
  await using daemon = await ServedDaemon.start(installation);
  const held = await holdPorts(daemon.url, await middleOfEphemeralRange(ports));
  const chosen = await chooseAll(processes, rounds);
  const collisions = chosen.filter((port) => held.has(port));
  const { body } = await call(daemon.url, "DELETE", `/leases?label=${LABEL}`);
  const released = (body?.released as readonly string[]).length;
  if (released !== held.size) throw new Error(`Cannot release ${held.size} leases: ${released} went`);
  const afterRelease = (await chooseAll(processes, rounds)).filter((port) => held.has(port)).length;
  return { held: held.size, calls: processes * rounds, collisions, afterRelease };
}

/** So many ports from the middle of the ephemeral range, or all of it. */
async function middleOfEphemeralRange(ports: number): Promise<number[]> {
  const [first = 0, last = 0] = (await Deno.readTextFile("/proc/sys/net/ipv4/ip_local_port_range"))
    .trim().split(/\s+/).map(Number);
  const count = Math.min(ports, last - first + 1);
  const start = first + Math.floor((last - first + 1 - count) / 2);
  return Array.from({ length: count }, (_, index) => start + index);
}

/** Leases the ports, except for the few that are in use. @returns those that are held in the kernel. */
async function holdPorts(url: string, ports: readonly number[]): Promise<Set<number>> {
  const held = new Set<number>();
  const line = ports.values();
  const lane = async () => {
    for (const port of line) if (await holdPort(url, port)) held.add(port);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (held.size < ports.length * 0.9) throw new Error(`Cannot hold ${ports.length} ports: only ${held.size}`);
  return held;
}

async function holdPort(url: string, port: number): Promise<boolean> {
  const labels = Object.fromEntries([LABEL.split(":")]);
  const wish = { port, lifetime: { kind: "pinned" }, hold: "soft", labels };
  const { status, body } = await call(url, "POST", "/leases", wish);
  if (body?.code === "port_in_use") return false;
  if (status === 201 && body?.hold === "soft") return true;
  throw new Error(`Cannot hold port ${port}: ${status} ${JSON.stringify(body)}`);
}

/** All ports that the kernel chooses for so many processes at once. */
async function chooseAll(processes: number, rounds: number): Promise<number[]> {
  const sink = listen();
  const accepting = acceptAll(sink.listener);
  const program = new URL("bind0_client.ts", import.meta.url).pathname;
  const children = Array.from({ length: processes }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-net", program, String(rounds), String(sink.port)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn());
  const outputs = children.map(async (child) => {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("\n"));
    await writer.close();
    const { success, stdout } = await child.output();
    if (!success) throw new Error("Cannot go on: a process failed");
    const { bound, connected } = JSON.parse(new TextDecoder().decode(stdout)) as Chosen;
    return [...bound, ...connected];
  });
  try {
    return (await Promise.all(outputs)).flat();
  } finally {
    sink.listener.close();
    await accepting;
  }
}

async function acceptAll(listener: Deno.Listener): Promise<void> {
  for await (const connection of listener) connection.close();
}

if (import.meta.main) {
  const options = { processes: { type: "string" }, rounds: { type: "string" }, ports: { type: "string" } } as const;
  const { values } = parseArgs({ args: Deno.args, options });
  const { processes = "32", rounds = "200", ports = "9000" } = values;
  const report = await bind0({ processes: Number(processes), rounds: Number(rounds), ports: Number(ports) });
  console.log(
    `${report.held} ports held, ${report.calls} calls of bind(0) and as many of connect(): ` +
      `${report.collisions.length} collisions; after their release ${report.afterRelease}`,
  );
  Deno.exit(report.collisions.length === 0 ? 0 : 1);
}
