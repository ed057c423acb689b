/** The property lists of launchd, read by Python's parser: plutil exists on macOS only. */
import assert from "node:assert/strict";
import { JOBS } from "../support/launchd_jobs.ts";
import { osTest, tools } from "../support/os/requirement.ts";

const READ = "import json, plistlib, sys; json.dump(plistlib.loads(sys.stdin.buffer.read()), sys.stdout)";

for (const [name, { definition, denoDir }] of Object.entries(JOBS)) {
  osTest(`a parser of property lists reads ${name} as it was meant`, [tools("python3")], async () => {
    const path = new URL(`../testdata/darwin/${name}`, import.meta.url);
    assert.deepEqual(await parse(await Deno.readFile(path)), {
      Label: "portd",
      ProgramArguments: [...definition.self, "service", "run", ...definition.words],
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 10,
      ExitTimeOut: 10,
      ProcessType: "Interactive",
      WorkingDirectory: "/",
      Umask: 0o077,
      SoftResourceLimits: { NumberOfFiles: 8192 },
      ...(denoDir === undefined ? {} : { EnvironmentVariables: { DENO_DIR: denoDir } }),
    });
  });
}

async function parse(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const child = new Deno.Command("python3", { args: ["-c", READ], stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  await new Blob([bytes]).stream().pipeTo(child.stdin);
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`Cannot parse the property list: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
