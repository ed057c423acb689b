/** The launcher of the npm package under one Node, in front of programs that only note what they get. */
import assert from "node:assert/strict";
import { TARGETS } from "../../../packaging/description.ts";
import { packLauncher } from "../../../packaging/npm/packages.ts";
import { RUN_FLAGS } from "../../../src/cli/context.ts";
import { temporaryFolder } from "../folder.ts";
import { filesInTar, SETTINGS } from "../packaging.ts";
import type { Outcome } from "./installation.ts";
import { linesOf } from "./lines.ts";

const PLATFORM = `linux-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
/** Says what it was called with, one word a line, copies its stdin, and ends with 7. */
const NOTING = `#!/bin/sh\nfor word in "$0" "$@"; do echo "[$word]"; done\ncat\necho to stderr >&2\nexit 7\n`;
/** Says when it is ready, and which signal it got. */
const WAITING = `#!/bin/sh
trap 'echo got TERM; exit 40' TERM
trap 'echo got INT; exit 41' INT
trap 'echo got HUP; exit 42' HUP
echo "$$"
i=0
while [ $i -lt 3000 ]; do sleep 0.1; i=$((i + 1)); done
`;
const denoOf = (version: string) =>
  `#!/bin/sh\nif [ "$*" = --version ]; then echo "deno ${version} (stable)"; exit; fi\n${NOTING.slice(10)}`;

/** A folder in which the package is installed; its path has a space. */
class Place implements AsyncDisposable {
  readonly #folder: AsyncDisposable & { readonly path: string };
  readonly #node: string;

  private constructor(folder: AsyncDisposable & { readonly path: string }, node: string) {
    this.#folder = folder;
    this.#node = node;
  }

  static async create(node: string): Promise<Place> {
    const place = new Place(await temporaryFolder(), node);
    await place.write("parts/bundle/main.js", "");
    await place.write("parts/client.js", "");
    const parts = `${place.root}/parts`;
    const { archive } = packLauncher(TARGETS, SETTINGS, {
      bundle: `${parts}/bundle`,
      library: parts,
      types: new Map(),
    });
    for (const [path, { text, mode }] of filesInTar(archive)) {
      await place.write(path.replace("package/", "node_modules/portd/"), text, mode);
    }
    await place.write("node_modules/.bin/keep", "");
    await Deno.symlink("../portd/launcher.cjs", `${place.root}/node_modules/.bin/portd`);
    return place;
  }

  get root(): string {
    return `${this.#folder.path}/a project`;
  }

  async write(path: string, text: string, mode = 0o644): Promise<void> {
    const file = `${this.root}/${path}`;
    await Deno.mkdir(file.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(file, text);
    await Deno.chmod(file, mode);
  }

  /** Installs the program of this platform. @returns its path. */
  async program(text: string, mode = 0o755): Promise<string> {
    const folder = `node_modules/@portd/${PLATFORM}`;
    await this.write(`${folder}/package.json`, "{}");
    await this.write(`${folder}/portd`, text, mode);
    return `${this.root}/${folder}/portd`;
  }

  async removeProgram(): Promise<void> {
    await Deno.remove(`${this.root}/node_modules/@portd`, { recursive: true });
  }

  command(args: readonly string[], options: Deno.CommandOptions & { readonly path?: string } = {}): Deno.Command {
    const { path = "/usr/bin:/bin", ...others } = options;
    return new Deno.Command(this.#node, {
      clearEnv: true,
      env: { PATH: path },
      cwd: this.root,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...others,
      args: [...others.args ?? [], `${this.root}/node_modules/.bin/portd`, ...args],
    });
  }

  async outcome(...[args, options]: Parameters<Place["command"]>): Promise<Outcome> {
    const { code, stdout, stderr } = await this.command(args, options).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** What the launcher promises, with this Node. */
export async function testLauncher(t: Deno.TestContext, node: string): Promise<void> {
  await using place = await Place.create(node);
  await t.step("words, streams and the exit code pass as they are", () => testPassing(place));
  await t.step("signals reach the program, and its end by a signal is the launcher's", () => testSignals(place));
  await t.step("a program whose mode was lost is made executable", () => testMode(place));
  await t.step(
    "without a program it runs the bundle on a Deno, with the permissions of the task",
    () => testDeno(place),
  );
  await t.step("a Deno that is too old, or that the current folder has, is not used", () => testRefusals(place));
  await t.step("npm's package deno comes before a Deno on the PATH", () => testPackage(place));
  await t.step("a platform without a program is named", () => testPlatforms(place));
}

async function testPassing(place: Place): Promise<void> {
  const program = await place.program(NOTING);
  const words = ["run", "--", "a b", "", "*", "$HOME", "é", "--json"];
  const child = place.command(words, { stdin: "piped" }).spawn();
  await new Blob(["typed\0\n"]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  assert.equal(
    new TextDecoder().decode(stdout),
    `${[program, ...words].map((word) => `[${word}]\n`).join("")}typed\0\n`,
  );
  assert.deepEqual([code, new TextDecoder().decode(stderr)], [7, "to stderr\n"]);
}

async function testSignals(place: Place): Promise<void> {
  await place.program(WAITING);
  for (const [name, code] of [["SIGTERM", 40], ["SIGINT", 41], ["SIGHUP", 42]] as const) {
    const child = place.command([]).spawn();
    const lines = linesOf(child.stdout);
    assert.match((await lines.next()).value!, /^\d+$/);
    child.kill(name);
    assert.equal((await lines.next()).value, `got ${name.slice(3)}`);
    await Promise.all([lines.return(), child.stderr.cancel()]);
    assert.equal((await child.status).code, code);
  }
  for (const name of ["TERM", "KILL", "HUP"] as const) {
    await place.program(`#!/bin/sh\nkill -${name} $$\n`);
    assert.equal((await place.command([]).output()).signal, `SIG${name}`);
  }
}

async function testMode(place: Place): Promise<void> {
  const program = await place.program(NOTING, 0o644);
  assert.equal((await place.outcome([])).code, 7);
  assert.equal((await Deno.stat(program)).mode! & 0o777, 0o755);
}

async function testDeno(place: Place): Promise<void> {
  await place.removeProgram();
  await place.write("bin/deno", denoOf("2.9.6"), 0o755);
  const bin = `${place.root}/bin`;
  const { code, stdout } = await place.outcome(["lease", "web"], { path: `/nonexistent:${bin}` });
  const lib = `${place.root}/node_modules/portd/lib`;
  const flags = ["--quiet", ...RUN_FLAGS, `--config=${lib}/deno.json`];
  const words = [`${bin}/deno`, "run", ...flags, `${lib}/main.js`, "lease", "web"];
  assert.deepEqual([code, stdout], [7, words.map((word) => `[${word}]\n`).join("")]);
}

async function testRefusals(place: Place): Promise<void> {
  const nothing = await place.outcome([], { path: "bin::./bin:/nonexistent" });
  assert.deepEqual([nothing.code, nothing.stdout], [1, ""]);
  assert.match(
    nothing.stderr,
    /^portd: Cannot start: the package @portd\/linux-\w+ is not installed, and no Deno was found/,
  );
  for (const version of ["1.46.3", "2.4.1", "0.9.9"]) {
    await place.write("bin/deno", denoOf(version), 0o755);
    const { code, stderr } = await place.outcome([], { path: `${place.root}/bin` });
    assert.equal(code, 1);
    assert.ok(stderr.includes(`and ${place.root}/bin/deno is version ${version}. One of these helps:\n`), stderr);
    assert.match(stderr, /version 2\.4\.2 or later/);
  }
  await place.write("bin/deno", "#!/bin/sh\nexit 3\n", 0o755);
  assert.match((await place.outcome([], { path: `${place.root}/bin` })).stderr, /bin\/deno does not run\. /);
  await place.write("bin/deno", denoOf("2.4.2"), 0o755);
  assert.equal((await place.outcome([], { path: `${place.root}/bin` })).code, 7);
}

async function testPackage(place: Place): Promise<void> {
  const own = `node_modules/@deno/${PLATFORM}-glibc`;
  await place.write("node_modules/deno/package.json", '{"version":"2.9.6"}');
  await place.write("node_modules/deno/bin.cjs", "throw new Error('not this one');", 0o755);
  await place.write(`${own}/package.json`, "{}");
  await place.write(`${own}/deno`, NOTING, 0o644);
  const { code, stdout } = await place.outcome([], { path: `${place.root}/bin` });
  assert.deepEqual([code, stdout.split("\n")[0]], [7, `[${place.root}/${own}/deno]`]);
  await place.write("node_modules/deno/package.json", '{"version":"2.0.0"}');
  assert.match((await place.outcome([])).stderr, /and the npm package deno is version 2\.0\.0\. One of these/);
  assert.equal((await place.outcome([], { path: `${place.root}/bin` })).code, 7);
  await Deno.remove(`${place.root}/node_modules/deno`, { recursive: true });
}

async function testPlatforms(place: Place): Promise<void> {
  await place.program(NOTING);
  const change = (statement: string) => place.write("change.cjs", statement);
  const options = { args: ["--require", `${place.root}/change.cjs`] };
  await change("Object.defineProperty(process, 'arch', { value: 's390x' });");
  const { code, stderr } = await place.outcome([], options);
  assert.equal(code, 1);
  assert.match(stderr, /^portd: Cannot start: there is no program for linux-s390x, and no Deno was found\. /);
  assert.doesNotMatch(stderr, /omit/);
  await change(`const fs = require("node:fs"), read = fs.readFileSync;
fs.readFileSync = (path, ...more) => path === "/proc/self/maps" ? "/lib/ld-musl-x86_64.so.1" : read(path, ...more);`);
  assert.match(
    (await place.outcome([], options)).stderr,
    /^portd: Cannot start: the program for linux-\w+ needs glibc, /,
  );
}
