/** The compiled program, on a machine without Deno: an empty PATH, an empty home. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { DENORT_BYTES, DENORT_VERSION, obtainDenort } from "../support/os/denort.ts";
import { Installation } from "../support/os/installation.ts";
import { askThreeTimes } from "../support/os/lease_scenario.ts";
import { makePythonProject } from "../support/os/project.ts";
import { linux, npmRegistry, osTest, tools, x64 } from "../support/os/requirement.ts";
import { runService } from "../support/os/run_scenario.ts";
import { runTool } from "../support/os/tool.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** What the program may add to the bare runtime: its own code and what that imports. */
const MOST_EMBEDDED_BYTES = 6_000_000;

/** Compiles portd into the folder. @returns the path of the program. */
async function compile(folder: string): Promise<string> {
  const denort = await obtainDenort();
  const deno = `${folder}/deno`;
  await Deno.writeTextFile(deno, `#!/bin/sh\nexec npx -y deno@${DENORT_VERSION} "$@"\n`, { mode: 0o755 });
  const stores = Deno.env.get("DENO_TLS_CA_STORE") ?? "system,mozilla";
  const env = { ...Deno.env.toObject(), DENO: deno, DENORT_BIN: denort, DENO_TLS_CA_STORE: stores };
  console.log(await runTool("bash", [`${ROOT}compile.sh`, "--out", folder, "linux-x64"], { env }));
  return `${folder}/portd-linux-x64`;
}

/** What was embedded after the runtime, as text. */
async function embeddedText(program: string): Promise<string> {
  return new TextDecoder("latin1").decode((await Deno.readFile(program)).subarray(DENORT_BYTES));
}

function pathWithoutDeno(): string {
  const hasDeno = (folder: string) => [...Deno.readDirSync(folder)].some(({ name }) => name === "deno");
  const isThere = (folder: string) => folder !== "" && existsSync(folder);
  return (Deno.env.get("PATH") ?? "").split(":").filter((folder) => isThere(folder) && !hasDeno(folder)).join(":");
}

osTest("the compiled program leases, runs and keeps its promises without Deno", [
  linux,
  x64,
  tools("npm", "npx", "tar", "bash", "python3", "setsid"),
  npmRegistry,
], async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "portd-binary-test-" });
  try {
    const program = await compile(folder);
    await t.step("it has the version of deno.json", async () => {
      await using installation = await Installation.create({ program: [program], bare: true });
      const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as { readonly version: string };
      assert.ok((await installation.answer(["version"])).trim().split(/\s+/).includes(version));
    });
    await t.step("it contains no node_modules and nothing that only tests need", async () => {
      const embedded = await embeddedText(program);
      assert.ok(embedded.length < MOST_EMBEDDED_BYTES, `${embedded.length} bytes are embedded`);
      for (const unwanted of [".deno_compile_node_modules", "fast-check", "node:assert"]) {
        assert.ok(!embedded.includes(unwanted), `${unwanted} is embedded`);
      }
      console.log(`size ${DENORT_BYTES + embedded.length} bytes, of which ${embedded.length} are not the runtime`);
    });
    await t.step("portd lease web prints a port and nothing else, three times the same", async () => {
      await using installation = await Installation.create({ program: [program], bare: true });
      const port = await askThreeTimes(installation);
      assert.ok(port >= 20000 && port <= 29999);
      assert.deepEqual([...Deno.readDirSync(`${installation.folder}/tmp`)], [], "something is left in the temp folder");
    });
    await t.step("portd run serves a project on the leased port and releases it at Ctrl-C", async () => {
      const env = { PATH: pathWithoutDeno(), DENO_DIR: undefined };
      await using installation = await Installation.create({ program: [program], env });
      await runService(installation, await makePythonProject(installation));
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
