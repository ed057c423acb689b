/** Programs and settings from which tests make packages. */
import { type BuiltProgram, type Target, TARGETS, VERSION } from "../../packaging/description.ts";
import { sha256Of } from "../../packaging/programs.ts";
import type { Settings } from "../../packaging/settings.ts";

/** Settings of somebody who publishes. */
export const SETTINGS: Settings = {
  publisher: "An Example",
  maintainer: "An Example <packages@example.org>",
  homepage: "https://example.org/portd",
  repository: "https://example.org/source/portd",
  downloads: "https://example.org/portd/{version}/",
  licence: "MIT",
  wingetId: "AnExample.portd",
};

const HEADERS: Readonly<Record<string, (view: DataView) => void>> = {
  linux: (view) => {
    view.setUint32(0, 0x7f454c46); // \x7fELF
    view.setUint16(4, 0x0201); // 64 bits, little endian
  },
  win32: (view) => {
    view.setUint16(0, 0x4d5a); // MZ
    view.setUint32(0x3c, 0x80, true);
    view.setUint32(0x80, 0x50450000); // PE\0\0
  },
  darwin: (view) => view.setUint32(0, 0xcffaedfe),
};
const PROCESSORS: Readonly<Record<string, readonly [offset: number, x64: number, arm64: number]>> = {
  linux: [18, 0x3e00, 0xb700],
  win32: [0x84, 0x6486, 0x64aa],
  darwin: [4, 0x0700, 0x0c00],
};

/** The bytes of something with the header of a program for this platform, which says that it is portd. */
export function fakeProgram({ os, cpu }: Target, version = VERSION): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1000);
  const view = new DataView(bytes.buffer);
  HEADERS[os]!(view);
  const [offset, x64, arm64] = PROCESSORS[os]!;
  view.setUint16(offset, cpu === "x64" ? x64 : arm64);
  if (os === "darwin") view.setUint16(6, 0x0001);
  bytes.set(new TextEncoder().encode(`var VERSION = "${version}";`), 500);
  return bytes;
}

/** One for each platform. */
export const PROGRAMS: readonly BuiltProgram[] = TARGETS.map((target) => {
  const bytes = fakeProgram(target);
  return { ...target, bytes, sha256: sha256Of(bytes) };
});

/** The files of an archive that tar() has made, by their paths. */
export function filesInTar(archive: Uint8Array): ReadonlyMap<string, { readonly mode: number; readonly text: string }> {
  const files = new Map<string, { mode: number; text: string }>();
  const decoder = new TextDecoder();
  const field = (offset: number, length: number) =>
    decoder.decode(archive.subarray(offset, offset + length)).replace(/\0.*$/s, "");
  for (let offset = 0; archive[offset] !== 0;) {
    const size = parseInt(field(offset + 124, 12), 8);
    const text = decoder.decode(archive.subarray(offset + 512, offset + 512 + size));
    files.set(field(offset, 100), { mode: parseInt(field(offset + 100, 8), 8), text });
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
