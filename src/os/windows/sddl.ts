/** Security descriptors as text. Manuals: GetFileSecurityW, ConvertSecurityDescriptorToStringSecurityDescriptorW. */
import {
  type Advapi32Services,
  DACL_SECURITY_INFORMATION,
  OWNER_SECURITY_INFORMATION,
  SDDL_REVISION_1,
} from "./advapi32.ts";
import type { Kernel32 } from "./kernel32.ts";
import { textOfWide, wideText } from "./wide_text.ts";

const WHAT = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
const FIRST_SIZE = 1024;

/** Owner and access list of a file or folder, as SDDL. @throws {Error} where this user may not read them. */
export function sddlOf(path: string, services: Advapi32Services, kernel32: Pick<Kernel32, "LocalFree">): string {
  const address = new BigUint64Array(1), length = new Uint32Array(1);
  const convert = services.ConvertSecurityDescriptorToStringSecurityDescriptorW;
  if (convert(descriptorOf(path, services), SDDL_REVISION_1, WHAT, address, length) === 0) {
    throw new Error(`Cannot write the access list of ${path} as text`);
  }
  const pointer = Deno.UnsafePointer.create(address[0]!)!;
  try {
    const bytes = new Uint8Array(2 * length[0]!);
    new Deno.UnsafePointerView(pointer).copyInto(bytes);
    return textOfWide(bytes).replace(/\0+$/, "");
  } finally {
    kernel32.LocalFree(pointer);
  }
}

function descriptorOf(path: string, { GetFileSecurityW }: Advapi32Services): Uint8Array<ArrayBuffer> {
  const wide = wideText(path), needed = new Uint32Array([FIRST_SIZE]);
  for (let size = FIRST_SIZE;;) {
    const bytes = new Uint8Array(size);
    if (GetFileSecurityW(wide, WHAT, bytes, size, needed) !== 0) return bytes;
    if (needed[0]! <= size) throw new Error(`Cannot read who may open ${path}`);
    size = needed[0]!;
  }
}
