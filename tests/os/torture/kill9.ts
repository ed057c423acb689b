/**
 * Kills the daemon with SIGKILL at random moments while clients grant, renew and release at full speed. Checks after
 * every restart that each acknowledged lease is still there and no port has two leases.
 *
 * Run: deno run -A tests/os/torture/kill9.ts --rounds 200 --clients 8
 */
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { call, liveLeases } from "../../support/os/api.ts";
import { Installation } from "../../support/os/installation.ts";
import { linesOf } from "../../support/os/lines.ts";
import { ServedDaemon, spawnServe } from "../../support/os/served_daemon.ts";
import type { ClientReport, Held } from "./kill9_client.ts";

/** Options of {@linkcode kill9}. */
export interface Kill9Options {
  /** How often the daemon is killed. @default 200 */
  readonly rounds?: number;
  /** How many client processes there are. @default 8 */
  readonly clients?: number;
}

/** What happened; the first three lists are empty when portd keeps its promise. */
export interface Kill9Report {
  /** Acknowledged leases that were not there after a restart, in words. */
  readonly missing: readonly string[];
  /** Ports with two holders, in words. */
  readonly doubled: readonly string[];
  /** Answers that no client may get. */
  readonly faults: readonly string[];
  /** Leases without an acknowledgement: granted before the daemon was killed and could answer. They were released. */
  readonly leaked: number;
  /** Acknowledged calls. */
  readonly calls: number;
  readonly rounds: number;
}

/** Few ports, so that each is granted many times, and at once after its release. */
const POOL = "21000-21399";
const SHORTEST_MS = 10, LONGEST_MS = 250, LONGEST_START_MS = 150;
/** In this share of the rounds the daemon is also killed while it starts. */
const START_KILL_SHARE = 1 / 8;

class ClientProcess {
  readonly #child: Deno.ChildProcess;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reports: AsyncGenerator<string, void, void>;

  constructor(url: string, logFile: string) {
    const program = new URL("kill9_client.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", program, url, logFile],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#orders = this.#child.stdin.getWriter();
    this.#reports = linesOf(this.#child.stdout);
  }

  /** Gives an order. @returns the report after it. */
  async order(order: "go" | "settle"): Promise<ClientReport> {
    await this.#orders.write(new TextEncoder().encode(`${order}\n`));
    const { value, done } = await this.#reports.next();
    if (done) throw new Error("Cannot go on: a client ended");
    return JSON.parse(value);
  }

  async end(): Promise<void> {
    await this.#orders.close();
    await this.#child.status;
    await this.#reports.return();
  }
}

/** Runs it. @throws {Error} when the daemon does not start again. */
export async function kill9({ rounds = 200, clients = 8 }: Kill9Options = {}): Promise<Kill9Report> {
  await using installation = await Installation.create({
    env: { PORTD_POOL: POOL, PORTD_COOLDOWN_MS: "0", PORTD_AUTOSTART: "0" },
  });
  const logs = Array.from({ length: clients }, (_, number) => `${installation.folder}/client-${number}.log`);
  const url = `http://${installation.env.PORTD_LISTEN}/v1`;
  const processes = logs.map((log) => new ClientProcess(url, log));
  const torture = new Torture(installation, processes);
  try {
    for (let round = 1; round <= rounds && torture.faults.length === 0; round++) await torture.round();
    return { ...await torture.end(logs), rounds };
  } finally {
    await Promise.all(processes.map((process) => process.end()));
  }
}

class Torture {
  readonly missing: string[] = [];
  readonly doubled: string[] = [];
  readonly faults: string[] = [];
  readonly #installation: Installation;
  readonly #clients: readonly ClientProcess[];
  #daemon: ServedDaemon | undefined;
  #leaked = 0;
  #reports: readonly ClientReport[] = [];

  constructor(installation: Installation, clients: readonly ClientProcess[]) {
    this.#installation = installation;
    this.#clients = clients;
  }

  async round(): Promise<void> {
    const daemon = this.#daemon ??= await ServedDaemon.start(this.#installation);
    const work = Promise.all(this.#clients.map((client) => client.order("go")));
    await moment(SHORTEST_MS, LONGEST_MS);
    await daemon.end("SIGKILL");
    const reports = await work;
    if (Math.random() < START_KILL_SHARE) await this.#killWhileStarting();
    this.#daemon = await ServedDaemon.start(this.#installation);
    await this.#compare(this.#daemon.url, reports, { exact: false });
    this.#reports = await Promise.all(this.#clients.map((client) => client.order("settle")));
    this.faults.push(...this.#reports.flatMap(({ fault }) => fault === null ? [] : [fault]));
    await this.#compare(this.#daemon.url, this.#reports, { exact: true });
  }

  /** Stops the daemon in order and reads its file and the clients' logs. */
  async end(logs: readonly string[]): Promise<Omit<Kill9Report, "rounds">> {
    await this.#daemon?.end("SIGTERM");
    const { missing, doubled, faults } = this;
    const held = this.#reports.flatMap((report) => report.held);
    inspectFile(`${this.#installation.stateDir}/leases.db`, held, { missing, doubled });
    doubled.push(
      ...overlaps((await Promise.all(logs.map(readLog))).flat()).map((text) => `in the clients' logs: ${text}`),
    );
    const calls = this.#reports.reduce((sum, report) => sum + report.calls, 0);
    return { missing, doubled, faults, leaked: this.#leaked, calls };
  }

  async #killWhileStarting(): Promise<void> {
    const child = spawnServe(this.#installation);
    await moment(0, LONGEST_START_MS);
    child.kill("SIGKILL");
    await child.stderr.cancel();
    await child.status;
  }

  /** Compares the daemon's leases with the clients'. `exact`: no call is open, so any other lease is a leak. */
  async #compare(url: string, reports: readonly ClientReport[], { exact }: { readonly exact: boolean }): Promise<void> {
    const live = await liveLeases(url);
    const held = new Map(reports.flatMap((report) => report.held).map((lease) => [lease.id, lease]));
    this.missing.push(...lacking(held.values(), live).map((text) => `after a restart: ${text}`));
    this.doubled.push(...shared(live).map((text) => `after a restart: ${text}`));
    if (!exact) return;
    for (const { id } of live.filter((lease) => !held.has(lease.id))) {
      await call(url, "DELETE", `/leases/${id}`);
      this.#leaked++;
    }
  }
}

/** Waits for a random time: the moment of the kill is random. */
function moment(leastMs: number, mostMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, leastMs + Math.random() * (mostMs - leastMs)));
}

/** The acknowledged leases that are not among the live ones, in words. */
function lacking(held: Iterable<Held>, live: readonly Held[]): string[] {
  const ports = new Map(live.map(({ id, port }) => [id, port]));
  return [...held].filter(({ id, port }) => ports.get(id) !== port).map(({ id, port }) =>
    `lease ${id} of port ${port}`
  );
}

/** The ports that two of the leases have, in words. */
function shared(leases: readonly Held[]): string[] {
  const holders = new Map<string, string>();
  return leases.flatMap(({ id, port, protocols }) =>
    protocols.flatMap((protocol) => {
      const other = holders.get(`${port}/${protocol}`);
      holders.set(`${port}/${protocol}`, id);
      return other === undefined ? [] : [`${port}/${protocol} has ${other} and ${id}`];
    })
  );
}

const PROTOCOLS = [["tcp", 1], ["udp", 2]] as const;

interface LeaseRow {
  readonly id: string;
  readonly port: number;
  readonly protocols: number;
  readonly granted_at: number;
  readonly ended_at: number | null;
}

/** Reads the file itself: its live leases against the clients', and the whole history for overlaps. */
function inspectFile(path: string, held: readonly Held[], found: { missing: string[]; doubled: string[] }): void {
  const db = new DatabaseSync(path);
  const rows = db.prepare("SELECT id, port, protocols, granted_at, ended_at FROM leases")
    .all() as unknown as LeaseRow[];
  db.close();
  const lives = rows.map(({ id, port, protocols, granted_at, ended_at }) => ({
    id,
    port,
    protocols: PROTOCOLS.filter(([, bit]) => protocols & bit).map(([name]) => name),
    from: granted_at,
    to: ended_at ?? Infinity,
  }));
  const live = lives.filter(({ to }) => to === Infinity);
  found.missing.push(...lacking(held, live).map((text) => `in the file: ${text}`));
  found.doubled.push(...shared(live).map((text) => `in the file: ${text}`));
  found.doubled.push(...overlaps(lives).map((text) => `in the history: ${text}`));
}

/** A lease with the time, in milliseconds since 1970, in which it was certainly live. */
interface Life extends Held {
  readonly from: number;
  readonly to: number;
}

/** The pairs of leases that were live on one port at one time, in words. */
function overlaps(lives: readonly Life[]): string[] {
  const last = new Map<string, Life>();
  return lives.toSorted((a, b) => a.from - b.from || a.to - b.to).flatMap((life) =>
    life.protocols.flatMap((protocol) => {
      const before = last.get(`${life.port}/${protocol}`);
      if (before === undefined || life.to > before.to) last.set(`${life.port}/${protocol}`, life);
      return before !== undefined && life.from < before.to
        ? [`${life.port}/${protocol}: ${before.id}, ${life.id}`]
        : [];
    })
  );
}

/** Reads `+ time id port protocols` (a grant was acknowledged) and `- time id` (its release was about to be sent). */
async function readLog(path: string): Promise<Life[]> {
  const lives = new Map<string, Life>();
  for (const line of (await Deno.readTextFile(path)).split("\n")) {
    const [sign, time, id, port, protocols] = line.split(" ");
    if (sign === "+") {
      lives.set(id!, {
        id: id!,
        port: Number(port),
        protocols: protocols!.split(","),
        from: Number(time),
        to: Infinity,
      });
    } else if (sign === "-") {
      lives.set(id!, { ...lives.get(id!)!, to: Math.min(Number(time), lives.get(id!)!.to) });
    }
  }
  return [...lives.values()];
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rounds: { type: "string" }, clients: { type: "string" } },
  });
  const report = await kill9({ rounds: Number(values.rounds ?? 200), clients: Number(values.clients ?? 8) });
  console.log(JSON.stringify(report, null, 2));
  const { missing, doubled, faults, calls, rounds } = report;
  const broken = missing.length + doubled.length + faults.length;
  console.log(`${rounds} kills, ${calls} calls: ${missing.length} leases missing, ${doubled.length} ports doubled`);
  Deno.exit(broken === 0 ? 0 : 1);
}
