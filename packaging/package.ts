/**
 * `deno task package`: every way in that is a file, from the one description: packages for npm and Debian, manifests for
 * scoop and winget, a Homebrew formula, and the SHA-256 of all. docs/development.md says how a release is made of them.
 */
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeSystemError } from "../src/errors.ts";
import { compress } from "./archive.ts";
import { bundle, bundleLibrary, ROOT, writeConfig } from "./bundle.ts";
import { debianFile, debianPackage } from "./debian/package.ts";
import { manPage, readHelp } from "./debian/man_page.ts";
import { type BuiltProgram, type Target, TARGETS, VERSION } from "./description.ts";
import { homebrewFormula } from "./manifests/homebrew.ts";
import { scoopManifest } from "./manifests/scoop.ts";
import { wingetManifests } from "./manifests/winget.ts";
import { packLauncher, packProgram } from "./npm/packages.ts";
import { libraryTypes } from "./npm/types.ts";
import { compilePrograms, readProgram, sha256Of, targetsNamed } from "./programs.ts";
import { missingSettings, readSettings, refusePlaceholders, type Settings } from "./settings.ts";
import { releaseTime } from "./time.ts";

const USAGE = `Usage: deno task package [--target NAME]... [--programs DIR] [--out DIR] [--settings FILE] [--release]

Makes the packages of portd ${VERSION} and their SHA256SUMS.

  --target NAME    only for this platform; several may be given (default: all)
                   ${TARGETS.map(({ name }) => name).join(" ")}
  --programs DIR   the programs are there, as compile.sh has made them (default: compile.sh makes them, in the --out folder)
  --out DIR        where the files go (default: dist)
  --settings FILE  who publishes, and where (default: packaging/settings.json, if it is there)
  --release        refuses what cannot be published: a setting that is missing, a platform that is left out
`;

/** What is asked for. */
export interface PackageOptions {
  readonly targets: readonly Target[];
  /** The folder with the programs. */
  readonly programs: string;
  readonly out: string;
  readonly settings: Settings;
}

/** Makes the files in the folder `out`, which exists. @returns their names in it, sorted. */
export async function makePackages({ targets, programs, out, settings }: PackageOptions): Promise<readonly string[]> {
  const built: BuiltProgram[] = [];
  for (const target of targets) built.push(await readProgram(target, programs));
  const files = new Map<string, Uint8Array>();
  const parts = await Promise.all([
    packLauncherFor(targets, settings),
    packPrograms(built, settings),
    debianPackages(built, settings),
  ]);
  for (const [name, bytes] of parts.flat()) files.set(name, bytes);
  for (const [name, text] of manifests(built, settings)) files.set(name, new TextEncoder().encode(text));
  if (built.some(({ os }) => os === "win32")) {
    files.set("install.ps1", await Deno.readFile(`${ROOT}packaging/windows/install.ps1`));
  }
  for (const { file, bytes } of built) files.set(file, bytes);
  const names = [...files.keys()].sort();
  // Manifests name the sums of others and go to other places: only what is downloaded as it is has a line here.
  const sums = names.filter((name) => !name.includes("/")).map((name) => `${sha256Of(files.get(name)!)}  ${name}\n`);
  files.set("SHA256SUMS", new TextEncoder().encode(sums.join("")));
  for (const [name, bytes] of files) await writeFile(`${out}/${name}`, bytes);
  return [...names, "SHA256SUMS"];
}

type NamedFile = readonly [name: string, bytes: Uint8Array];

async function packLauncherFor(targets: readonly Target[], settings: Settings): Promise<readonly NamedFile[]> {
  const folder = await Deno.makeTempDir({ prefix: "portd-package-" });
  try {
    const parts = { bundle: `${folder}/bundle`, library: `${folder}/library` };
    for (const name of ["bundle", "types"]) await Deno.mkdir(`${folder}/${name}`);
    await bundle(parts.bundle);
    await writeConfig(parts.bundle);
    await bundleLibrary(`${parts.library}/client.js`);
    const { file, archive } = packLauncher(targets, settings, {
      ...parts,
      types: await libraryTypes(`${folder}/types`),
    });
    return [[file, await compress(archive)]];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function packPrograms(built: readonly BuiltProgram[], settings: Settings): Promise<readonly NamedFile[]> {
  const files: NamedFile[] = [];
  for (const program of built) {
    const { file, archive } = packProgram(program, settings);
    files.push([file, await compress(archive)]);
  }
  return files;
}

async function debianPackages(built: readonly BuiltProgram[], settings: Settings): Promise<readonly NamedFile[]> {
  const forLinux = built.filter(({ os }) => os === "linux");
  if (forLinux.length === 0) return [];
  const options = { settings, manual: manPage(await readHelp()), time: await releaseTime() };
  const files: NamedFile[] = [];
  for (const program of forLinux) files.push([debianFile(program), await debianPackage(program, options)]);
  return files;
}

function manifests(built: readonly BuiltProgram[], settings: Settings): readonly (readonly [string, string])[] {
  const scoop = scoopManifest(built, settings), formula = homebrewFormula(built, settings);
  return [
    ...(scoop === undefined ? [] : [["scoop/portd.json", scoop] as const]),
    ...(formula === undefined ? [] : [["homebrew/portd.rb", formula] as const]),
    ...[...wingetManifests(built, settings)].map(([path, text]) => [`winget/${path}`, text] as const),
  ];
}

/** Writes a file whole, also over a program that runs. */
async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const draft = `${path}.new-${Deno.pid}`;
  await Deno.writeFile(draft, bytes, { mode: /\/portd-[a-z0-9-]+$/.test(path) ? 0o755 : 0o644 });
  await Deno.rename(draft, path);
}

/** Reads the command line, makes what it asks for, and prints it. */
async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: "string", multiple: true, default: [] },
      programs: { type: "string" },
      out: { type: "string", default: "dist" },
      settings: { type: "string" },
      release: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(USAGE.trimEnd());
  // deno task runs in the folder of the checkout.
  const at = (path: string) => resolve(Deno.env.get("INIT_CWD") ?? ".", path);
  const settingsFile = values.settings === undefined ? `${ROOT}packaging/settings.json` : at(values.settings);
  const settings = readSettings(settingsFile, { isOptional: values.settings === undefined });
  const targets = targetsNamed(values.target);
  if (values.release) {
    refusePlaceholders(settings, settingsFile);
    if (targets.length < TARGETS.length) throw new Error("Cannot make a release of some platforms: leave --target out");
  }
  const out = at(values.out), programs = values.programs === undefined ? out : at(values.programs);
  await Deno.mkdir(out, { recursive: true });
  if (values.programs === undefined) await compilePrograms(targets, out);
  for (const name of await makePackages({ targets, programs, out, settings })) console.log(`${out}/${name}`);
  const missing = missingSettings(settings);
  if (missing.length > 0) console.error(`for trying only, not to be published: not set are ${missing.join(", ")}`);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    console.error(error instanceof Error ? describeSystemError(error) : String(error));
    Deno.exitCode = 1;
  }
}
