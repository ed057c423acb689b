/**
 * The Debian package: a program that is found in /usr/bin, with completions, a manual page and the service, which is not
 * enabled. Made without Debian's tools, as deb(5) and deb-control(5) describe it, so that it can be made anywhere; the
 * same content gives the same bytes.
 */
import { createHash } from "node:crypto";
import { completionScript } from "../../src/cli/completion/scripts.ts";
import { UNIT, writeUnit } from "../../src/service/linux/unit.ts";
import { ar, compress, type Entry, tar } from "../archive.ts";
import { type BuiltProgram, DESCRIPTION, NAME, OLDEST_GLIBC, SUMMARY, VERSION } from "../description.ts";
import type { Settings } from "../settings.ts";
import { changelog, copyright, LINTIAN_OVERRIDES, SCRIPTS } from "./texts.ts";

/** Debian's names of processors. */
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" } as const;
const PROGRAM = `/usr/bin/${NAME}`, STATE = `/var/lib/${NAME}`;
const utf8 = new TextEncoder();

/** What a package takes beside the program. */
export interface DebianOptions {
  readonly settings: Settings;
  /** The manual page. */
  readonly manual: string;
  /** When the release was made, in seconds since 1970: the time of every file. */
  readonly time: number;
}

/** The name of the file: `portd_0.1.0_amd64.deb`. */
export function debianFile({ cpu }: BuiltProgram): string {
  return `${NAME}_${VERSION}_${ARCHITECTURES[cpu]}.deb`;
}

/** The package of a program for Linux. */
export async function debianPackage(program: BuiltProgram, options: DebianOptions): Promise<Uint8Array<ArrayBuffer>> {
  const files = await installedFiles(program, options);
  const archive = { mtime: options.time, owner: "root" };
  const [control, data] = await Promise.all([
    compress(tar(inFolder(controlFiles(program, files, options)), archive)),
    compress(tar(inFolder([...foldersOf(files), ...files].sort(byPath)), archive)),
  ]);
  return ar([
    { name: "debian-binary", bytes: utf8.encode("2.0\n") },
    { name: "control.tar.gz", bytes: control },
    { name: "data.tar.gz", bytes: data },
  ], options.time);
}

type FileEntry = Entry & { readonly bytes: Uint8Array };

async function installedFiles(program: BuiltProgram, { settings, manual, time }: DebianOptions): Promise<FileEntry[]> {
  const documents = `usr/share/doc/${NAME}`;
  const text = (path: string, content: string) => ({ path, bytes: utf8.encode(content) });
  const packed = async (path: string, content: string) => ({ path, bytes: await compress(utf8.encode(content), 9) });
  return [
    { path: PROGRAM.slice(1), bytes: program.bytes, mode: 0o755 },
    text(`usr/lib/systemd/system/${UNIT}`, unit()),
    text(`usr/share/bash-completion/completions/${NAME}`, completionScript("bash")),
    text(`usr/share/zsh/vendor-completions/_${NAME}`, completionScript("zsh")),
    text(`usr/share/fish/vendor_completions.d/${NAME}.fish`, completionScript("fish")),
    await packed(`usr/share/man/man1/${NAME}.1.gz`, manual),
    await packed(`${documents}/changelog.gz`, changelog(settings, time)),
    text(`${documents}/copyright`, copyright(settings, time)),
    text(`usr/share/lintian/overrides/${NAME}`, LINTIAN_OVERRIDES),
  ];
}

/** The unit that `portd service install` writes, for this program; the package owns its file. */
function unit(): string {
  const definition = { self: [PROGRAM], words: ["--state-dir", STATE], stateDir: STATE, reserve: [] } as const;
  const [_mark, ...lines] = writeUnit(definition, { isUser: false, env: {} }).split("\n");
  const text = [`# Of the package ${NAME}, which replaces this file at an upgrade.`, ...lines].join("\n");
  return text.replace(/^Description=.*$/m, `$&\nDocumentation=man:${NAME}(1)`);
}

function controlFiles(program: BuiltProgram, files: readonly FileEntry[], { settings }: DebianOptions): Entry[] {
  const sums = files.map(({ path, bytes }) => `${createHash("md5").update(bytes).digest("hex")}  ${path}\n`).sort();
  // As dpkg-gencontrol counts: whole kibibytes of each file, and one for each folder.
  const size = files.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 1024), foldersOf(files).length);
  const control = `Package: ${NAME}
Version: ${VERSION}
Architecture: ${ARCHITECTURES[program.cpu]}
Maintainer: ${settings.maintainer}
Installed-Size: ${size}
Depends: libc6 (>= ${OLDEST_GLIBC}), libgcc-s1
Section: net
Priority: optional
Homepage: ${settings.homepage}
Description: ${SUMMARY[0]!.toLowerCase()}${SUMMARY.slice(1)}
${wrap(DESCRIPTION.join(" ")).map((line) => ` ${line}\n`).join("")}`;
  return [
    { path: "control", bytes: utf8.encode(control) },
    { path: "md5sums", bytes: utf8.encode(sums.join("")) },
    ...Object.entries(SCRIPTS).map(([path, text]) => ({ path, bytes: utf8.encode(text), mode: 0o755 })),
  ];
}

/** The text in lines of at most 79 characters with the space in front of them, as Debian's policy 3.4 wants. */
function wrap(text: string): readonly string[] {
  return text.match(/\S.{0,77}(?=\s|$)/g) ?? [];
}

/** The folders above the files, each once. */
function foldersOf(files: readonly Entry[]): readonly Entry[] {
  const folders = files.flatMap(({ path }) => [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index + 1)));
  return [...new Set(folders)].map((path) => ({ path }));
}

/** Every path of the archives begins with `./`, and the first is that of the folder itself. */
function inFolder(entries: readonly Entry[]): readonly Entry[] {
  return [{ path: "./" }, ...entries.map((entry) => ({ ...entry, path: `./${entry.path}` }))];
}

function byPath(a: Entry, b: Entry): number {
  return a.path < b.path ? -1 : 1;
}
