/**
 * What an attack does to others: how long their grants take, and how far memory and file of the daemon grow. The attacks
 * are programs of the folder attacks/.
 */
import { peakResidentBytes, residentBytes } from "./cpu.ts";
import { KeptConnection } from "./kept_connection.ts";
import { timePaced } from "./latency.ts";
import { interleave } from "./rounds.ts";
import type { Figure, Line, Target } from "./row.ts";
import type { Daemon } from "./servers.ts";
import { percentile, ratiosOf, spreadOf } from "./statistics.ts";
import type { Tracked, Workbench } from "./workbench.ts";

/** An attack. */
export interface Siege {
  /** As it stands in the table, behind "while". */
  readonly what: string;
  /** Programs of the folder attacks/ that run side by side, each with the words that follow port and seconds. */
  readonly attackers: readonly (readonly [program: string, ...words: string[]])[];
  /** How long they attack, at most. */
  readonly seconds: number;
  readonly rounds: number;
}

/** What came of it. */
export interface SiegeOutcome {
  readonly lines: readonly Line[];
  readonly notes: readonly string[];
}

const PAUSE_MS = 5;
const QUIET_GRANTS = 500;
/** An attack during which there were fewer grants says nothing of their p99. */
const LEAST_GRANTS = 50;
const LOOK_MS = 100;
const BOUNDS = { p99Ms: 50, memoryMb: 300, fileMb: 250 };

/** Measures a daemon's victim in turn without and with the attack, and what the daemon has grown to. */
export async function besiege(bench: Workbench, daemon: Daemon, siege: Siege): Promise<SiegeOutcome> {
  using victim = await KeptConnection.open(daemon.port);
  const quiet = () => timePaced(victim, { pauseMs: PAUSE_MS, goOn: (done) => done < QUIET_GRANTS });
  await quiet(); // the JIT warms up
  const before = { memory: residentBytes(daemon.pid), file: fileBytes(daemon) };
  const file = { most: 0 };
  const watch = setInterval(() => file.most = Math.max(file.most, fileBytes(daemon)), LOOK_MS);
  const words: string[] = [];
  try {
    const rounds = await interleave(siege.rounds, {
      quiet,
      besieged: () => besieged(bench, daemon, { siege, victim, words }),
    });
    file.most = Math.max(file.most, fileBytes(daemon));
    const grown = [
      sizeLine("memory of the daemon at its peak", peakResidentBytes(daemon.pid), before.memory, BOUNDS.memoryMb),
      sizeLine("its file and log at their largest", file.most, before.file, BOUNDS.fileMb),
    ];
    return {
      lines: [
        timeLine(siege, rounds, 0.5),
        timeLine(siege, rounds, 0.99, { of: "portd", bound: "at most", value: BOUNDS.p99Ms }),
        timeLine(siege, rounds, 1),
        ...grown.map((line) => ({ ...line, what: `${line.what}: ${siege.what}` })),
      ],
      notes: [...words, `${rounds.besieged.map(({ length }) => length).join(" and ")} grants were timed`],
    };
  } finally {
    clearInterval(watch);
  }
}

/** The victim's times from when all attackers are at work until one of them ends. */
async function besieged(
  bench: Workbench,
  daemon: Daemon,
  { siege, victim, words }: { readonly siege: Siege; readonly victim: KeptConnection; readonly words: string[] },
): Promise<number[]> {
  const attackers = siege.attackers.map(([program, ...more]) =>
    start(bench, program, [String(daemon.port), String(siege.seconds), ...more])
  );
  await Promise.all(attackers.map(({ ready }) => ready));
  const times = await timePaced(victim, {
    pauseMs: PAUSE_MS,
    goOn: () => !attackers.some(({ process }) => process.hasEnded()),
  });
  for (const { done } of attackers) words.push(await done);
  if (times.length >= LEAST_GRANTS) return times;
  throw new Error(
    `Cannot count: ${times.length} grants while ${siege.what}: ${words.slice(-attackers.length).join("; ")}`,
  );
}

interface Attacker {
  readonly process: Tracked;
  readonly ready: Promise<void>;
  /** What it says that it has done. */
  readonly done: Promise<string>;
}

function start(bench: Workbench, name: string, words: readonly string[]): Attacker {
  const program = new URL(`./attacks/${name}.ts`, import.meta.url).pathname;
  const args = ["run", "--no-prompt", "--allow-net", program, ...words];
  const process = bench.spawn(Deno.execPath(), args, { stdout: "piped", stderr: "piped" });
  const ready = Promise.withResolvers<void>();
  const done = (async () => {
    const failure = new Response(process.child.stderr).text();
    let text = "";
    for await (const chunk of process.child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.startsWith("ready\n")) ready.resolve();
    }
    const { success } = await process.child.status;
    if (!success) throw new Error(`Cannot attack with ${name}: ${(await failure).trim()}`);
    return `${name}: ${text.trimEnd().split("\n").at(-1)}`;
  })();
  done.catch(ready.reject);
  return { process, ready: ready.promise, done };
}

interface Rounds {
  readonly quiet: readonly (readonly number[])[];
  readonly besieged: readonly (readonly number[])[];
}

function timeLine({ what }: Siege, { quiet, besieged }: Rounds, share: number, target?: Target): Line {
  const at = (rounds: Rounds["quiet"]) => rounds.map((times) => percentile(times, share));
  return {
    what: `grants of others, ${share === 1 ? "slowest" : `p${100 * share}`}: ${what}`,
    portd: { ...spreadOf(at(besieged)), unit: "ms" },
    other: { ...spreadOf(at(quiet)), unit: "ms", what: "without" },
    ratio: spreadOf(ratiosOf(at(besieged), at(quiet))),
    ...(target === undefined ? {} : { target }),
  };
}

function sizeLine(what: string, bytes: number, before: number, bound: number): Line {
  const inMb = (value: number): Figure => ({ ...spreadOf([value / 1e6]), unit: "MB" });
  return {
    what,
    portd: inMb(bytes),
    other: { ...inMb(before), what: "before" },
    target: { of: "portd", bound: "at most", value: bound },
  };
}

function fileBytes({ env }: Daemon): number {
  return ["", "-wal"].reduce((sum, suffix) => sum + Deno.statSync(`${env.PORTD_STATE_DIR}/leases.db${suffix}`).size, 0);
}
