/**
 * Stands in for launchctl(1), launchd and the portd that it starts: `launchctl.ts FOLDER WORDS`. Keeps its jobs in
 * FOLDER/jobs.json and answers in the words of macOS 14. A job "serves" as soon as it has been started: its pid stands
 * in daemon.json of its state folder.
 *
 * FOLDER/faults.json, `{"bootstrap": [5, "Bootstrap failed: 5: Input/output error"]}`, makes a word fail.
 * FOLDER/slow holds how many calls of `print` a job takes to be ready, or to go; FOLDER/exits how it ends when started.
 */
import { readArguments } from "../../src/service/darwin/plist.ts";

interface Job {
  readonly path: string;
  readonly words: readonly string[];
  pid: number | null;
  runs: number;
  lastExit: string | null;
  /** Calls of `print` until it is ready. */
  readyIn: number;
  /** Calls of `print` until it is gone; null while it is to stay. */
  goneIn: number | null;
}

interface State {
  jobs: Record<string, Job>;
  /** Targets. */
  disabled: string[];
}

const FIRST_PID = 4711;

class Launchctl {
  readonly #folder: string;
  readonly #state: State;

  constructor(folder: string) {
    this.#folder = folder;
    this.#state = read<State>(`${folder}/jobs.json`) ?? { jobs: {}, disabled: [] };
  }

  run([word = "", ...args]: readonly string[]): number {
    const faults = read<Record<string, readonly [number, string]>>(`${this.#folder}/faults.json`) ?? {};
    const fault = faults[word];
    const code = fault === undefined ? this.#do(word, args) : fail(...fault);
    Deno.writeTextFileSync(`${this.#folder}/jobs.json`, JSON.stringify(this.#state));
    return code;
  }

  #do(word: string, [target = "", path = ""]: readonly string[]): number {
    if (word === "print") return this.#print(target);
    if (word === "print-disabled") return this.#printDisabled(target);
    if (word === "bootstrap") return this.#bootstrap(target, path);
    if (word === "bootout") return this.#bootout(target);
    if (word === "kickstart") return this.#kickstart(target);
    if (word === "enable") return this.#enable(target);
    return fail(64, `Unrecognized subcommand: ${word}`);
  }

  #bootstrap(domain: string, path: string): number {
    const text = Deno.readTextFileSync(path);
    const [, label] = /<key>Label<\/key>\s*<string>(.*)<\/string>/.exec(text)!;
    const target = `${domain}/${label}`;
    if (this.#state.disabled.includes(target)) return fail(119, "Bootstrap failed: 119: Service is disabled");
    if (this.#state.jobs[target] !== undefined) return fail(5, "Bootstrap failed: 5: Input/output error");
    const words = readArguments(text)!;
    const job = { path, words, pid: null, runs: 0, lastExit: null, readyIn: 0, goneIn: null };
    this.#state.jobs[target] = job;
    if (text.includes("<key>RunAtLoad</key>\n\t<true/>")) this.#spawn(job);
    return 0;
  }

  #bootout(target: string): number {
    const job = this.#state.jobs[target];
    if (job === undefined) return fail(3, "Boot-out failed: 3: No such process");
    if (job.pid !== null && job.readyIn === 0) Deno.removeSync(daemonFile(job));
    const slow = this.#slow();
    if (slow === 0) delete this.#state.jobs[target];
    else job.goneIn = slow;
    return slow === 0 ? 0 : fail(36, "Boot-out failed: 36: Operation now in progress");
  }

  #kickstart(target: string): number {
    const job = this.#state.jobs[target];
    if (job === undefined) return fail(113, `Could not find service "${target}"`);
    if (job.pid === null) this.#spawn(job);
    return 0;
  }

  #enable(target: string): number {
    this.#state.disabled = this.#state.disabled.filter((each) => each !== target);
    return 0;
  }

  #spawn(job: Job): void {
    job.runs++;
    job.lastExit = read<string>(`${this.#folder}/exits`) ?? null;
    job.pid = job.lastExit === null ? FIRST_PID + job.runs : null;
    job.readyIn = this.#slow();
    if (job.pid !== null && job.readyIn === 0) serve(job);
  }

  #print(target: string): number {
    const job = this.#state.jobs[target];
    if (job?.goneIn === 0) delete this.#state.jobs[target];
    if (job === undefined || job.goneIn === 0) {
      return fail(113, `Bad request.\nCould not find service "${target.split("/").at(-1)}" in domain for system`);
    }
    if (job.goneIn !== null) job.goneIn--;
    if (job.pid !== null && job.readyIn > 0 && --job.readyIn === 0) serve(job);
    console.log(printText(target, job));
    return 0;
  }

  #printDisabled(domain: string): number {
    const lines = this.#state.disabled.filter((each) => each.startsWith(`${domain}/`)).map((each) =>
      `\t\t"${each.slice(domain.length + 1)}" => disabled`
    );
    console.log(["", '\tdisabled services = {\n\t\t"com.apple.ftpd" => disabled', ...lines, "\t}"].join("\n"));
    return 0;
  }

  #slow(): number {
    return read<number>(`${this.#folder}/slow`) ?? 0;
  }
}

function printText(target: string, { path, words, pid, runs, lastExit }: Job): string {
  const indented = (lines: readonly string[]) => lines.map((line) => `\t\t${line}\n`).join("");
  return `${target} = {
\tactive count = ${pid === null ? 0 : 1}
\tpath = ${path}
\ttype = LaunchDaemon
\tstate = ${pid === null ? "not running" : "running"}

\tprogram = ${words[0]}
\targuments = {
${indented(words)}\t}

\tdefault environment = {
\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin
\t}

\tdomain = ${target.slice(0, target.lastIndexOf("/"))}
\tminimum runtime = 10
\texit timeout = 10
\truns = ${runs}
${pid === null ? "" : `\tpid = ${pid}\n`}\tforks = 0
\tlast exit code = ${lastExit ?? "(never exited)"}

\tspawn type = interactive (4)
\tproperties = keepalive | runatload | inferred program
}`;
}

function serve(job: Job): void {
  const [url, startTime, version] = ["http://127.0.0.1:7678", "1", "0.0.0"];
  Deno.writeTextFileSync(daemonFile(job), JSON.stringify({ url, pid: job.pid, startTime, version }));
}

function daemonFile({ words }: Job): string {
  return `${words[words.indexOf("--state-dir") + 1]}/daemon.json`;
}

function read<Content>(path: string): Content | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function fail(code: number, words: string): number {
  console.error(words);
  return code;
}

if (import.meta.main) {
  const [folder = "", ...words] = Deno.args;
  Deno.exit(new Launchctl(folder).run(words));
}
