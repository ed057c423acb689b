/**
 * What every way in says of portd: the one description that all packages and manifests are made from. Who publishes it
 * is not known here; settings.ts reads that.
 */
import { VERSION } from "../src/version.ts";

/** The name of the command, and of every package. */
export const NAME = "portd";

/** One line. */
export const SUMMARY = "Port authority of a machine: gives every service a port of its own";

/** Some sentences, each a line. */
export const DESCRIPTION: readonly string[] = [
  "portd gives every service on a machine a TCP or UDP port of its own and keeps it for that service.",
  "A small daemon leases ports and writes the leases to disk; the command line starts the daemon by itself.",
];

export { VERSION };

/** The platforms that there is a program for, as `compile.sh` names them. */
export const TARGETS = [
  { name: "linux-x64", os: "linux", cpu: "x64", file: "portd-linux-x64" },
  { name: "linux-arm64", os: "linux", cpu: "arm64", file: "portd-linux-arm64" },
  { name: "windows-x64", os: "win32", cpu: "x64", file: "portd-windows-x64.exe" },
  { name: "windows-arm64", os: "win32", cpu: "arm64", file: "portd-windows-arm64.exe" },
  { name: "macos-x64", os: "darwin", cpu: "x64", file: "portd-macos-x64" },
  { name: "macos-arm64", os: "darwin", cpu: "arm64", file: "portd-macos-arm64" },
] as const satisfies readonly Target[];

/** A platform. */
export interface Target {
  readonly name: string;
  /** As Node's `process.platform` names it. */
  readonly os: "linux" | "win32" | "darwin";
  /** As Node's `process.arch` names it. */
  readonly cpu: "x64" | "arm64";
  /** The program as `compile.sh` writes it. */
  readonly file: string;
}

/** A program that was made, and its SHA-256 in hexadecimal. */
export interface BuiltProgram extends Target {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/** The C library that programs for Linux take, as Debian names its version: Deno's runtime is linked with this one. */
export const OLDEST_GLIBC = "2.27";

/** The loader of that library: where it is missing, such a program does not start. */
export const LOADERS: Readonly<Record<Target["cpu"], string>> = {
  x64: "/lib64/ld-linux-x86-64.so.2",
  arm64: "/lib/ld-linux-aarch64.so.1",
};

/**
 * The oldest Deno that runs the bundle: tests/os/binary_test.ts compiles with the first, and compile.sh says why it is a
 * later one on Windows.
 */
export const OLDEST_DENO = { others: "2.4.2", win32: "2.9.4" } as const;

/** The oldest Node that runs the launcher. */
export const OLDEST_NODE = "20";
