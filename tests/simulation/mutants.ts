/**
 * `deno task mutants`: does the simulation find errors? Each mutant is the daemon with one changed line that breaks a
 * promise; the simulation must find it within a minute. When a mutant's text is no longer in its file, write it again.
 *
 *     deno task mutants                 all of them
 *     deno task mutants --only "a hold outlives its lease"
 */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";

/** One change of the program. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** A text that is in the file exactly once. */
  readonly search: string;
  readonly replacement: string;
}

/** Mutants of registry, ledger, wait queue, replay, quarantine and the files around them. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "a grant is answered before it is on disk",
    file: "src/lease/ledger.ts",
    search: "await this.#parts.store.write(changes);",
    replacement: "this.#parts.store.write(changes).catch(() => {});",
  },
  {
    name: "an end is answered before it is on disk",
    file: "src/lease/ledger.ts",
    search: 'await store.write(ended.map((record) => ({ kind: "end", record })));',
    replacement: 'store.write(ended.map((record) => ({ kind: "end", record }))).catch(() => {});',
  },
  {
    name: "an end that the disk refused is made in memory",
    file: "src/lease/ledger.ts",
    search: "if (isCommitted(error)) { for (const record of ended) this.#forget(record); }",
    replacement: "for (const record of ended) this.#forget(record);",
  },
  {
    name: "a lease that could not be written stays in memory",
    file: "src/lease/ledger.ts",
    search: "    this.table.remove(record.id);\n",
    replacement: "",
  },
  {
    name: "the port of a lease that could not be written stays taken",
    file: "src/lease/ledger.ts",
    search: "    this.#parts.allocator.undo(allocated);\n",
    replacement: "",
  },
  {
    name: "a change that could not be written stays in memory",
    file: "src/lease/ledger.ts",
    search: "        for (const change of changed) this.#goBack(change);\n",
    replacement: "",
  },
  {
    name: "a change is made in memory and not in the file",
    file: "src/lease/ledger.ts",
    search: '      ...changed.map(({ after }) => ({ kind: "update", record: after }) as const),\n',
    replacement: "",
  },
  {
    name: "a hold that was given up stays in the kernel",
    file: "src/lease/ledger.ts",
    search: "      this.#keepHolds(changed);\n",
    replacement: "",
  },
  {
    name: "a live name is answered whatever its port is",
    file: "src/lease/live_port.ts",
    search: "if (other === undefined) return;",
    replacement: "if (other !== `port ${wish.port}`) return;",
  },
  {
    name: "a hold outlives its lease",
    file: "src/lease/allocator.ts",
    search: "this.#releaseClaim(port, { protocols });\n    this.cool(",
    replacement: "this.cool(",
  },
  {
    name: "several ports are granted in part",
    file: "src/lease/grants.ts",
    search:
      "for (const port of allocated) allocator.undo(port);\n        return { refused: allocation.refused, wish };",
    replacement:
      "if (allocated.length > 0) return { allocated };\n        return { refused: allocation.refused, wish };",
  },
  {
    name: "a refusal of several ports keeps those that were free",
    file: "src/lease/grants.ts",
    search: "        for (const port of allocated) allocator.undo(port);\n",
    replacement: "",
  },
  {
    name: "a renewal is forgotten",
    file: "src/lease/registry.ts",
    search: '{ lifetime, ...this.#renewal({ ...record, lifetime }) }, "lease.renewed"',
    replacement: '{ lifetime: record.lifetime }, "lease.renewed"',
  },
  {
    name: "a lifetime is half as long as promised",
    file: "src/lease/reclaim.ts",
    search: 'lifetime.kind === "ttl" ? now + lifetime.ttlMs : null',
    replacement: 'lifetime.kind === "ttl" ? now + lifetime.ttlMs / 2 : null',
  },
  {
    name: "the port of a name does not cool down",
    file: "src/lease/available_ports.ts",
    search: "if (this.#cooldownMs === 0) return this.pool.give(port, protocols);",
    replacement: "if (withheld.name !== null || this.#cooldownMs === 0) return this.pool.give(port, protocols);",
  },
  {
    name: "some ports that have cooled down do not come back",
    file: "src/lease/quarantine.ts",
    search: "      this.remove(withheld);\n      yield withheld;\n",
    replacement: "      this.remove(withheld);\n      if (withheld.port % 2 === 0) yield withheld;\n",
  },
  {
    name: "a clock that was ahead makes the cool-down longer",
    file: "src/lease/restore.ts",
    search: "Math.min(now, now - (clock.now() - endedAt!))",
    replacement: "now - (clock.now() - endedAt!)",
  },
  {
    name: "who comes last is served first",
    file: "src/lease/wait_queue.ts",
    search: "queue.waiting.push(waiting);",
    replacement: "queue.waiting.unshift(waiting);",
  },
  {
    name: "a request that has left stays in the queue",
    file: "src/lease/wait_queue.ts",
    search: "      this.#remove(waiting, queue);\n      waiting.end(signal?.reason);",
    replacement: "      waiting.end(signal?.reason);",
  },
  {
    name: "a port that comes back is offered to nobody in the queue",
    file: "src/lease/wait_queue.ts",
    search: "    for (const queue of this.#queues.values()) queue.isDue = true;\n    this.#serve();",
    replacement: "",
  },
  {
    name: "a repeated request does its work again",
    file: "src/lease/replay.ts",
    search: "const known = running ?? this.#knownAnswer(request);",
    replacement: "const known = running;",
  },
  {
    name: "a request that is repeated while it runs is done twice",
    file: "src/lease/replay.ts",
    search: "    this.#running.set(id, { fingerprint: request.fingerprint, work });\n",
    replacement: "",
  },
  {
    name: "a restart forgets the UDP leases",
    file: "src/lease/restore.ts",
    search: "    registry.adopt(record);\n    live++;",
    replacement: '    if (record.protocols[0] !== "udp") registry.adopt(record);\n    live++;',
  },
];

const PARTS = ["src", "routes", "tests", "main.ts", "deno.json", "deno.lock"];
const ROOT = new URL("../../", import.meta.url).pathname;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      ignore: { type: "string", multiple: true, default: [] },
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: "1" },
    },
  });
  let missed = 0;
  for (const mutant of MUTANTS) {
    if (values.only !== undefined && values.only !== mutant.name) continue;
    const began = performance.now();
    const flags = [
      "--seconds",
      values.seconds,
      "--seed",
      values.seed,
      ...values.ignore.flatMap((name) => ["--ignore", name]),
    ];
    const finding = await hunt(mutant, flags);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    if (finding === undefined) missed++;
    console.log(finding === undefined ? `MISSED  ${mutant.name}` : `found   ${mutant.name}: ${seconds} s, ${finding}`);
  }
  return missed === 0 ? 0 : 1;
}

/** Runs the simulation over a copy of the tree with the mutant. @returns the finding; `undefined` when there was none. */
async function hunt(mutant: Mutant, flags: readonly string[]): Promise<string | undefined> {
  const folder = await Deno.makeTempDir({ dir: tmpdir(), prefix: "portd-mutant-" });
  try {
    for (const part of PARTS) await copy(`${ROOT}${part}`, `${folder}/${part}`);
    await mutate(`${folder}/${mutant.file}`, mutant);
    const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-check", "--no-prompt", "-A", "tests/simulation/simulate.ts", "--shrink-seconds", "0"],
        ...flags,
      ],
      cwd: folder,
    }).output();
    const text = new TextDecoder().decode(stdout), [first = ""] = text.split("\n");
    if (code === 0) return undefined;
    if (text !== "") return first;
    throw new Error(`the simulation of "${mutant.name}" has failed: ${new TextDecoder().decode(stderr)}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function mutate(path: string, { name, file, search, replacement }: Mutant): Promise<void> {
  const text = await Deno.readTextFile(path);
  const count = text.split(search).length - 1;
  if (count !== 1) throw new Error(`the text of the mutant "${name}" is ${count} times in ${file}: write it again`);
  await Deno.writeTextFile(path, text.replace(search, () => replacement));
}

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
