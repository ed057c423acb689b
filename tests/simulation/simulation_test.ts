/** The simulation: what it runs here holds, the same seed gives the same run, and it finds broken promises. */
import assert from "node:assert/strict";
import { tableRows } from "../support/docs/markdown.ts";
import { INVARIANTS } from "./invariants/all.ts";
import { runJobs } from "./jobs.ts";
import { MUTANTS } from "./mutants.ts";
import { type Outcome, Simulator } from "./sequence.ts";
import { shrink } from "./shrink.ts";
import type { World } from "./world.ts";

/** `deno task simulate` runs more. */
const SEQUENCES = 5000, FIRST_SEED = 1_000_000;

Deno.test("every promise holds in thousands of sequences", async () => {
  const tallies = await runJobs(2, {
    seed: FIRST_SEED,
    stride: 1,
    end: FIRST_SEED + SEQUENCES,
    forMs: null,
    steps: null,
    invariants: INVARIANTS.map(({ name }) => name),
    survey: false,
    shrinkMs: 60_000,
  });
  assert.deepEqual(tallies.flatMap(({ report }) => report ?? []), []);
  assert.equal(tallies.reduce((sum, { sequences }) => sum + sequences, 0), SEQUENCES);
});

Deno.test("a seed gives the same sequence each time, answers included", async () => {
  const outcomesOf = async () => {
    await using simulator = await Simulator.open();
    const outcomes: Outcome[] = [];
    for (let seed = 1; seed <= 40; seed++) outcomes.push(await simulator.run({ seed, invariants: [] }));
    return outcomes;
  };
  const first = await outcomesOf();
  assert.deepEqual(await outcomesOf(), first);
  const lines = first.flatMap(({ trace }) => trace);
  assert.ok(lines.some((line) => line.includes("is answered 201")));
  assert.ok(lines.some((line) => line.startsWith("crash")));
});

/** Ways to break a promise from outside, by the invariant that finds each. */
const BROKEN: Readonly<Record<string, (world: World) => void>> = {
  "kept ends"({ run }) {
    const { fetch } = run;
    run.fetch = (request, user) =>
      request.method === "DELETE" && !request.url.includes("exposure") && !request.url.includes("?")
        ? Promise.resolve(new Response(null, { status: 204 }))
        : fetch(request, user);
  },
  "kept grants"({ disk }) {
    disk.sync = () => Promise.resolve(); // the daemon believes a disk that has written nothing
  },
  holds({ run, kernel }) {
    const { look } = run;
    run.look = async () => {
      await look();
      kernel.held.clear();
    };
  },
  reads({ run }) {
    const { fetch } = run;
    run.fetch = async (request, user) => {
      const response = await fetch(request, user);
      const isList = request.method === "GET" && request.url.endsWith("/v1/leases");
      return isList ? Response.json({ leases: [] }) : response;
    };
  },
  "all or nothing"({ run }) {
    const { records } = run;
    run.records = () => records().filter(({ name, port }) => name !== null || port % 2 === 0);
  },
};

for (const [name, tamper] of Object.entries(BROKEN)) {
  Deno.test(`a broken promise is found and shortened: ${name}`, async () => {
    await using simulator = await Simulator.open();
    const invariants = INVARIANTS.filter((each) => each.name === name);
    for (let seed = 1; seed <= 400; seed++) {
      const outcome = await simulator.run({ seed, invariants, tamper });
      if (outcome.failure === undefined) continue;
      const shrunk = await shrink(simulator, { seed, outcome, invariants, tamper, patienceMs: Infinity });
      assert.equal(shrunk.failure.invariant, name);
      assert.ok(shrunk.steps.length < outcome.steps.length, `${shrunk.steps.length} of ${outcome.steps.length} steps`);
      const again = await simulator.run({ seed, steps: shrunk.steps, invariants, tamper });
      assert.deepEqual(again.failure, shrunk.failure);
      return;
    }
    assert.fail("it was not found");
  });
}

Deno.test("docs/reliability.md lists every promise and every mutant", async () => {
  const rows = tableRows(await Deno.readTextFile(new URL("../../docs/reliability.md", import.meta.url)));
  const lists = (first: string, second: string) => rows.some((row) => row[0] === first && row[1] === second);
  assert.deepEqual(INVARIANTS.filter(({ name, promise }) => !lists(`\`${name}\``, promise)), []);
  assert.deepEqual(MUTANTS.filter(({ name, file }) => !lists(name, `\`${file}\``)), []);
});

Deno.test("every mutant can be made of the code as it is", async () => {
  for (const { name, file, search } of MUTANTS) {
    const text = await Deno.readTextFile(new URL(`../../${file}`, import.meta.url));
    assert.equal(text.split(search).length - 1, 1, `the text of "${name}" must be in ${file} once`);
  }
});
