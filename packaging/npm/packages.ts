/**
 * The packages for npm: `portd`, with the launcher, the bundle and the library, and one package with a program for each
 * platform, of which npm installs the one that fits. None has a script that runs at installation.
 */
import { RUN_FLAGS } from "../../src/cli/context.ts";
import { type Entry, tar } from "../archive.ts";
import {
  type BuiltProgram,
  DESCRIPTION,
  LOADERS,
  NAME,
  OLDEST_DENO,
  OLDEST_NODE,
  SUMMARY,
  type Target,
  VERSION,
} from "../description.ts";
import { LIBRARY_TYPES } from "./types.ts";
import { missingSettings, type Settings } from "../settings.ts";

/** The time of every file in npm's own archives: 1985-10-26T08:15:00Z. */
const NPM_TIME = 499_162_500;
const LAUNCHER = new URL("launcher.cjs", import.meta.url);
const utf8 = new TextEncoder();

/** An archive as `npm publish` and `npm install` take it, before it is compressed. */
export interface NpmPackage {
  /** The name of the file, as `npm pack` gives it. */
  readonly file: string;
  readonly archive: Uint8Array<ArrayBuffer>;
}

/** The package with the program of a platform. */
export function programPackage(target: Target): string {
  return `@${NAME}/${target.os}-${target.cpu}`;
}

/** The file of the program in its package. */
function programFile({ os }: Target): string {
  return os === "win32" ? `${NAME}.exe` : NAME;
}

/** The package for one platform. */
export function packProgram(program: BuiltProgram, settings: Settings): NpmPackage {
  const { os, cpu } = program;
  const file = programFile(program);
  const text = `The program of ${NAME} for ${os}-${cpu}. Install ${NAME}, which brings it.\n`;
  return pack(programPackage(program), {
    description: `${SUMMARY} (the program for ${os}-${cpu})`,
    ...manifestOf(settings),
    preferUnplugged: true, // Yarn would leave it in an archive, where it cannot run
    os: [os],
    cpu: [cpu],
    ...(os === "linux" && { libc: ["glibc"] }),
  }, [
    { path: "README.md", bytes: utf8.encode(text) },
    { path: file, bytes: program.bytes, mode: 0o755 },
  ]);
}

/** What the package `portd` holds beside the launcher. */
export interface LauncherParts {
  /** The folder with the bundle for `deno run`, and its deno.json. */
  readonly bundle: string;
  /** The folder with `client.js`, the library for Node. */
  readonly library: string;
  /** The declarations of its types, by their paths. */
  readonly types: ReadonlyMap<string, string>;
}

/** The package `portd`. */
export function packLauncher(
  targets: readonly Target[],
  settings: Settings,
  { bundle, library, types }: LauncherParts,
): NpmPackage {
  const launcher = {
    programs: Object.fromEntries(targets.map((target) => [`${target.os}-${target.cpu}`, {
      package: programPackage(target),
      file: programFile(target),
      ...(target.os === "linux" && { loader: LOADERS[target.cpu] }),
    }])),
    bundle: "lib/main.js",
    flags: RUN_FLAGS,
    oldestDeno: OLDEST_DENO,
  };
  return pack(NAME, {
    description: SUMMARY,
    keywords: ["port", "ports", "lease", "dev-server", "worktree", "agents"],
    ...manifestOf(settings),
    type: "module",
    bin: { [NAME]: "launcher.cjs" },
    exports: {
      "./client": { types: `./types/${LIBRARY_TYPES}`, default: "./client.js" },
      "./package.json": "./package.json",
    },
    engines: { node: `>=${OLDEST_NODE}` },
    optionalDependencies: Object.fromEntries(targets.map((target) => [programPackage(target), VERSION])),
    // Where no program fits, the launcher looks for this one; npm does not install it by itself.
    peerDependencies: { deno: "*" },
    peerDependenciesMeta: { deno: { optional: true } },
  }, [
    { path: "README.md", bytes: utf8.encode(readme()) },
    { path: "launcher.cjs", bytes: Deno.readFileSync(LAUNCHER), mode: 0o755 },
    { path: "launcher.json", bytes: json(launcher) },
    { path: "client.js", bytes: Deno.readFileSync(`${library}/client.js`) },
    ...[...types].sort().map(([path, text]) => ({ path: `types/${path}`, bytes: utf8.encode(text) })),
    ...filesOf(bundle).map((file) => ({ path: `lib/${file}`, bytes: Deno.readFileSync(`${bundle}/${file}`) })),
  ]);
}

/** What all packages say of their origin. One whose settings are placeholders cannot be published. */
function manifestOf(settings: Settings) {
  const { publisher, homepage, repository, licence } = settings;
  return {
    ...(missingSettings(settings).length > 0 && { private: true }),
    author: publisher,
    license: licence,
    homepage,
    repository: { type: "git", url: `git+${repository}` },
    publishConfig: { access: "public", provenance: true },
  };
}

function readme(): string {
  return `# ${NAME}

${DESCRIPTION.join("\n")}

    npm install --save-dev ${NAME}
    npx ${NAME} lease web

npm installs the program for this platform too. Where there is none (musl, another processor, --omit=optional), ${NAME}
runs on Deno ${OLDEST_DENO.others} or later: the npm package deno beside it, or a deno on the PATH.
`;
}

function pack(name: string, manifest: object, files: readonly Entry[]): NpmPackage {
  const entries = [{ path: "package.json", bytes: json({ name, version: VERSION, ...manifest }) }, ...files];
  return {
    file: `${name.replace("@", "").replace("/", "-")}-${VERSION}.tgz`,
    archive: tar(entries.map((entry) => ({ ...entry, path: `package/${entry.path}` })), { mtime: NPM_TIME }),
  };
}

function json(value: object): Uint8Array {
  return utf8.encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** The files below a folder, sorted. */
function filesOf(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(`${folder}/${below}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesOf(folder, `${below}${name}/`) : [`${below}${name}`]
  ).sort();
}
