/** The programs that packages are made of: compile.sh makes them, or they were made before. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { ROOT } from "./bundle.ts";
import { type BuiltProgram, type Target, TARGETS, VERSION } from "./description.ts";

/** The targets with these names, in the order of the description; without names all. @throws {Error} for another name. */
export function targetsNamed(names: readonly string[]): readonly Target[] {
  const unknown = names.find((name) => !TARGETS.some((target) => target.name === name));
  if (unknown !== undefined) {
    const known = TARGETS.map(({ name }) => name).join(" ");
    throw new Error(`Cannot package for ${JSON.stringify(unknown)}: targets are ${known}`);
  }
  return names.length === 0 ? TARGETS : TARGETS.filter(({ name }) => names.includes(name));
}

/** Compiles portd for these targets into a folder, by compile.sh. @throws {Error} when that fails; it has said why. */
export async function compilePrograms(targets: readonly Target[], folder: string): Promise<void> {
  const args = [`${ROOT}compile.sh`, "--out", folder, ...targets.map(({ name }) => name)];
  // This Deno, so that the development version compiles: a deno on the PATH may be another.
  const env = { DENO: Deno.env.get("DENO") ?? Deno.execPath() };
  const { success, code } = await new Deno.Command("bash", { args, env, stdin: "null", stdout: "inherit" }).spawn()
    .status;
  if (!success) throw new Error(`Cannot compile portd: compile.sh ended with ${code}`);
}

/**
 * Reads a program.
 *
 * @throws {Error} when it is not there, is for another platform, or is not of this version of portd.
 */
export async function readProgram(target: Target, folder: string): Promise<BuiltProgram> {
  const path = `${folder}/${target.file}`;
  const bytes = await Deno.readFile(path);
  const platform = platformOf(bytes);
  if (platform !== `${target.os}-${target.cpu}`) {
    throw new Error(`Cannot package ${path}: it is ${platform ?? "no program"}, and not for ${target.name}`);
  }
  if (!contains(bytes, `VERSION = "${VERSION}"`)) {
    throw new Error(`Cannot package ${path}: it is not portd ${VERSION}; compile it again`);
  }
  return { ...target, bytes, sha256: sha256Of(bytes) };
}

/** In hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The processors in the headers of ELF (`e_machine`), PE (`Machine`) and 64-bit Mach-O (`cputype`). */
const PROCESSORS = {
  linux: new Map<number, string>([[0x3e, "x64"], [0xb7, "arm64"]]),
  win32: new Map<number, string>([[0x8664, "x64"], [0xaa64, "arm64"]]),
  darwin: new Map<number, string>([[0x0100_0007, "x64"], [0x0100_000c, "arm64"]]),
} as const;

/** The platform of a program, as Node names it; `undefined` where its header says none that is known here. */
export function platformOf(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 0x40) return undefined;
  const named = (os: keyof typeof PROCESSORS, processor: number) => {
    const cpu = PROCESSORS[os].get(processor);
    return cpu && `${os}-${cpu}`;
  };
  if (view.getUint32(0) === 0x7f45_4c46) return named("linux", view.getUint16(18, true));
  if (view.getUint32(0, true) === 0xfeed_facf) return named("darwin", view.getUint32(4, true));
  const header = view.getUint32(0x3c, true); // e_lfanew
  const isWindows = view.getUint16(0) === 0x4d5a && header + 6 <= bytes.length &&
    view.getUint32(header) === 0x5045_0000;
  return isWindows ? named("win32", view.getUint16(header + 4, true)) : undefined;
}

function contains(bytes: Uint8Array<ArrayBuffer>, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(text);
}
