/** compile.sh against a deno that only notes what it is asked to do: nothing is compiled or downloaded here. */
import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url).pathname;
const IGNORE_WITHOUT_BASH = Deno.build.os === "windows";
const NATIVE = Deno.build.target;

/** How the stand-in for deno behaves. */
interface FakeDeno {
  /** What `deno compile --help` lists. */
  readonly compileHelp: string;
  /** What the compiled program says to `version`. */
  readonly compiledVersion: string;
  /** When set, `deno compile` fails with this on stderr. */
  readonly compileError: string;
  /** When set, the version that deno says it has. */
  readonly version: string;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The calls of deno but `eval`, one array of words each. */
  readonly calls: readonly (readonly string[])[];
  /** The files in the output folder. */
  readonly files: ReadonlyMap<string, string>;
}

function fakeDenoScript(fake: FakeDeno): string {
  return `#!/usr/bin/env bash
set -eu
if [ -n '${fake.version}' ]; then case "$*" in "eval "*Deno.version.deno*) echo '${fake.version}'; exit ;; esac; fi
[ "$1" != eval ] || exec "${Deno.execPath()}" "$@"
if [ "$1 \${2:-}" = "compile --help" ]; then printf '%s' '${fake.compileHelp}'; exit; fi
printf '%s ' "$@" >>"$FAKE_LOG"; echo >>"$FAKE_LOG"
[ "$1" = compile ] || exit 0
if [ -n '${fake.compileError}' ]; then echo '${fake.compileError}' >&2; exit 1; fi
while [ "$1" != --output ]; do shift; done
printf '#!/bin/sh\\necho "portd ${fake.compiledVersion}"\\n' >"$2"
chmod +x "$2"
`;
}

async function readFiles(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(folder)) {
    files.set(entry.name, await Deno.readTextFile(`${folder}/${entry.name}`));
  }
  return files;
}

async function compileWith(
  args: readonly string[],
  fake: Partial<FakeDeno> = {},
  env: Record<string, string> = {},
): Promise<Outcome> {
  const { compileHelp = "--no-code-cache", compiledVersion = await projectVersion(), compileError = "", version = "" } =
    fake;
  const folder = await Deno.makeTempDir({ prefix: "portd-compile-test-" });
  try {
    const deno = `${folder}/deno`;
    await Deno.writeTextFile(deno, fakeDenoScript({ compileHelp, compiledVersion, compileError, version }), {
      mode: 0o755,
    });
    await Deno.writeTextFile(`${folder}/log`, "");
    await Deno.mkdir(`${folder}/out`);
    const output = await new Deno.Command("bash", {
      args: [`${ROOT}compile.sh`, "--out", `${folder}/out`, ...args],
      env: { DENO: deno, FAKE_LOG: `${folder}/log`, DENORT_BIN: "", NO_COLOR: "1", ...env },
      stdin: "null",
    }).output();
    const log = await Deno.readTextFile(`${folder}/log`);
    return {
      code: output.code,
      stdout: new TextDecoder().decode(output.stdout),
      stderr: new TextDecoder().decode(output.stderr),
      calls: log.trimEnd().split("\n").filter((line) => line !== "").map((line) => line.trimEnd().split(" ")),
      files: await readFiles(`${folder}/out`),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface ProjectFile {
  readonly version: string;
  readonly tasks: { readonly portd: { readonly command: string } };
  readonly unstable?: readonly string[];
}

async function projectFile(): Promise<ProjectFile> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
}

async function projectVersion(): Promise<string> {
  return (await projectFile()).version;
}

function shellTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: IGNORE_WITHOUT_BASH, fn });
}

shellTest("compile.sh gives the binary exactly the permissions of the task portd", async () => {
  const { code, stderr, calls } = await compileWith([]);
  assert.equal(code, 0, stderr);
  const compile = calls.find(([command]) => command === "compile") ?? [];
  const isPermission = (word: string) =>
    word.startsWith("--allow") || word.startsWith("--deny") || word === "--no-prompt";
  const task = (await projectFile()).tasks.portd.command.split(" ");
  assert.deepEqual(compile.filter(isPermission), task.filter(isPermission));
  assert.ok(task.filter(isPermission).length > 0);
});

shellTest("compile.sh without a target compiles for this machine and prints its figures", async () => {
  const { code, stdout, files, calls } = await compileWith([]);
  assert.equal(code, 0);
  const compile = calls.find(([command]) => command === "compile") ?? [];
  assert.equal(compile[compile.indexOf("--target") + 1], NATIVE);
  assert.match(stdout, /portd-\S+ {2}\d+ bytes/);
  assert.match(stdout, new RegExp(`version ${(await projectVersion()).replaceAll(".", "\\.")}, starts in \\d+ ms`));
  assert.match(files.get("SHA256SUMS") ?? "", /^[0-9a-f]{64} [ *]portd-\S+\n$/);
});

shellTest("compile.sh takes every target by its short name and by its triple", async () => {
  const expected = [
    ["linux-x64", "x86_64-unknown-linux-gnu", "portd-linux-x64"],
    ["linux-arm64", "aarch64-unknown-linux-gnu", "portd-linux-arm64"],
    ["windows-x64", "x86_64-pc-windows-msvc", "portd-windows-x64.exe"],
    ["windows-arm64", "aarch64-pc-windows-msvc", "portd-windows-arm64.exe"],
    ["macos-x64", "x86_64-apple-darwin", "portd-macos-x64"],
    ["macos-arm64", "aarch64-apple-darwin", "portd-macos-arm64"],
  ] as const;
  for (const column of [0, 1] as const) {
    const { code, stderr, calls, files } = await compileWith(expected.map((row) => row[column]));
    assert.equal(code, 0, stderr);
    const triples = calls.filter(([command]) => command === "compile").map((call) =>
      call[call.indexOf("--target") + 1]
    );
    assert.deepEqual(triples, expected.map(([, triple]) => triple));
    const names = expected.map(([, , name]) => name);
    assert.deepEqual([...files.keys()].sort(), [...names, "SHA256SUMS"].sort());
    for (const name of names) assert.match(files.get("SHA256SUMS") ?? "", new RegExp(`[ *]${name}\n`));
  }
});

shellTest("compile.sh bundles first and lets the binary hold nothing but the bundle", async () => {
  const { calls } = await compileWith([]);
  assert.deepEqual(calls.map(([command]) => command), ["bundle", "compile"]);
  const [bundle = [], compile = []] = calls;
  assert.ok(bundle.includes("--code-splitting"));
  for (const flag of ["--no-npm", "--no-remote", "--no-config", "--no-lock"]) assert.ok(compile.includes(flag), flag);
});

shellTest("compile.sh tells the bundler of the modules that are imported lazily", async () => {
  const { calls } = await compileWith([]);
  const [bundle = []] = calls;
  assert.ok(bundle.includes("main.ts"));
  for (
    const part of ["src/daemon/daemon.ts", "routes/app.ts", "src/cli/commands/serve.ts", "src/cli/commands/version.ts"]
  ) {
    assert.ok(bundle.includes(part), `${part} is missing among ${bundle.join(" ")}`);
  }
});

shellTest("compile.sh switches on in the binary what deno.json switches on", async () => {
  const { calls } = await compileWith([]);
  const flags = (calls.at(-1) ?? []).filter((word) => word.startsWith("--unstable-"));
  assert.deepEqual(flags, ((await projectFile()).unstable ?? []).map((name) => `--unstable-${name}`));
});

shellTest("compile.sh turns the code cache off where deno knows how", async () => {
  const known = await compileWith([], { compileHelp: "  --no-code-cache  Disable V8 code cache feature" });
  assert.ok(known.calls.at(-1)?.includes("--no-code-cache"));
  const unknown = await compileWith([], { compileHelp: "  --no-check" });
  assert.equal(unknown.code, 0);
  assert.ok(!unknown.calls.at(-1)?.includes("--no-code-cache"));
});

shellTest("compile.sh refuses a binary that bears another version", async () => {
  const { code, stderr } = await compileWith([], { compiledVersion: "99.0.0" });
  assert.equal(code, 1);
  assert.match(stderr, /portd version says "portd 99\.0\.0", deno\.json says/);
});

shellTest("compile.sh refuses an unknown target and an unknown option with exit code 2", async () => {
  const target = await compileWith(["solaris-sparc"]);
  assert.equal(target.code, 2);
  assert.match(target.stderr, /"solaris-sparc": targets are linux-x64 /);
  const option = await compileWith(["--fast"]);
  assert.equal(option.code, 2);
  assert.match(option.stderr, /"--fast": there is no such option/);
  assert.deepEqual([...target.calls, ...option.calls], []);
});

shellTest("compile.sh refuses one DENORT_BIN for several targets", async () => {
  const { code, stderr, calls } = await compileWith(["linux-x64", "macos-arm64"], {}, { DENORT_BIN: "/tmp/denort" });
  assert.equal(code, 2);
  assert.match(stderr, /one DENORT_BIN for several targets/);
  assert.deepEqual(calls, []);
});

shellTest("compile.sh refuses a Deno that is too old for Windows, and compiles with it for other systems", async () => {
  for (const version of ["2.4.2", "2.9.3", "1.46.3"]) {
    const { code, stderr, calls } = await compileWith(["linux-x64", "windows-arm64"], { version });
    assert.deepEqual([code, calls], [2, []]);
    const wanted =
      `Cannot compile for aarch64-pc-windows-msvc with Deno ${version}: it takes Deno 2.9.4 or later; set DENO`;
    assert.ok(stderr.includes(wanted), stderr);
  }
  for (const version of ["2.9.4", "2.10.0", "3.0.0-rc.1"]) {
    assert.equal((await compileWith(["windows-x64", "windows-arm64"], { version })).code, 0, version);
  }
  assert.equal((await compileWith(["linux-x64"], { version: "2.4.2" })).code, 0);
});

shellTest("compile.sh says which file to bring when the runtime cannot be downloaded", async () => {
  const compileError = "error: Setting up base binary: denort could not be fetched";
  const { code, stderr } = await compileWith(["windows-x64"], { compileError });
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`v${Deno.version.deno.replaceAll(".", "\\.")}/denort-x86_64-pc-windows-msvc\\.zip`));
  assert.match(stderr, /DENORT_BIN=/);
  assert.match(stderr, /must be of the same version/);
});

shellTest("compile.sh does not blame the runtime for another failure", async () => {
  const { code, stderr } = await compileWith([], { compileError: "error: No space left on device" });
  assert.equal(code, 1);
  assert.match(stderr, /No space left on device/);
  assert.ok(!stderr.includes("DENORT_BIN"));
});

shellTest("compile.sh --help tells of every target and environment variable", async () => {
  const { code, stdout } = await compileWith(["--help"]);
  assert.equal(code, 0);
  for (
    const word of [
      "linux-x64",
      "linux-arm64",
      "windows-x64",
      "windows-arm64",
      "macos-x64",
      "macos-arm64",
      "DENO ",
      "DENORT_BIN",
    ]
  ) {
    assert.ok(stdout.includes(word), word);
  }
});

shellTest("compile.sh and .ci/run name the same version of deno", async () => {
  const versionIn = async (path: string) => /DENO_VERSION=(\S+)/.exec(await Deno.readTextFile(ROOT + path))?.[1];
  assert.match(await versionIn("compile.sh") ?? "", /^\d+\.\d+\.\d+$/);
  assert.equal(await versionIn(".ci/run"), await versionIn("compile.sh"));
});
