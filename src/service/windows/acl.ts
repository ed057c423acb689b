/** Descriptors of files and folders of this machine. Manuals: GetFileSecurityW, SetFileSecurityW. */
import { Accounts } from "../../os/windows/accounts.ts";
import {
  type Advapi32,
  type Advapi32Services,
  DACL_SECURITY_INFORMATION,
  OWNER_SECURITY_INFORMATION,
  PROTECTED_DACL_SECURITY_INFORMATION,
  SDDL_REVISION_1,
  TOKEN_ELEVATION_TYPE,
  TOKEN_ELEVATION_TYPE_DEFAULT,
  TOKEN_QUERY,
} from "../../os/windows/advapi32.ts";
import type { Kernel32 } from "../../os/windows/kernel32.ts";
import { sidText } from "../../os/windows/process_structures.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import { ERROR_INSUFFICIENT_BUFFER } from "../../os/windows/win32_error.ts";
import { type Descriptor, parseDescriptor, sidBytes, TRUSTED } from "./access.ts";
import { WindowsError } from "./failure.ts";
import { folderOf } from "./paths.ts";

/** What is asked of a machine's descriptors, and written. Every method throws {@linkcode WindowsError}. */
export interface Acl {
  /** The SIDs of those who may do what the system may. */
  trusted(): ReadonlySet<string>;
  /** The descriptor of a file or folder. */
  read(path: string): Descriptor;
  /** Makes a folder, which is for SYSTEM and Administrators alone from its first moment, and those above it. */
  createPrivate(path: string): void;
  /** Takes a file or folder from all but SYSTEM and Administrators. What is in it already keeps its own list. */
  makePrivate(path: string): void;
  /** The name of an account; the SID where it has none. */
  nameOf(sid: string): string;
}

/** Of Administrators; all rights for them and SYSTEM, handed down to what is within, and nothing taken from above. */
const PRIVATE = "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
/** Size of `SECURITY_ATTRIBUTES`. */
const ATTRIBUTES_SIZE = 24;
const FIRST_SIZE = 1024;
/** What GetCurrentProcess answers, always. */
const THIS_PROCESS = 0xffffffffffffffffn;

/** What {@linkcode WindowsAcl} calls. */
export interface AclParts {
  readonly advapi32: Advapi32;
  readonly services: Advapi32Services;
  readonly kernel32: Kernel32;
}

/** The descriptors of this machine. */
export class WindowsAcl implements Acl {
  readonly #parts: AclParts;
  readonly #accounts: Accounts;

  constructor(parts: AclParts) {
    this.#parts = parts;
    this.#accounts = new Accounts(parts.advapi32, parts.kernel32);
  }

  /** The user of this process is among them if he has no weaker half, which needs no leave to use his rights. */
  trusted(): ReadonlySet<string> {
    const own = this.#accounts.sidOf(Deno.UnsafePointer.create(THIS_PROCESS));
    return new Set(own !== undefined && this.#isWhole() ? [...TRUSTED, sidText(own)] : TRUSTED);
  }

  read(path: string): Descriptor {
    const what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    const wide = wideText(path), needed = new Uint32Array([FIRST_SIZE]);
    for (let i = 0; i < 2; i++) {
      const bytes = new Uint8Array(needed[0]!);
      const { GetFileSecurityW } = this.#parts.services;
      if (GetFileSecurityW(wide, what, bytes, bytes.length, needed) !== 0) return parseDescriptor(bytes);
      const error = this.#parts.kernel32.GetLastError();
      if (error !== ERROR_INSUFFICIENT_BUFFER) throw new WindowsError(`read who may change ${path}`, error);
    }
    throw new WindowsError(`read who may change ${path}`, ERROR_INSUFFICIENT_BUFFER);
  }

  createPrivate(path: string): void {
    Deno.mkdirSync(folderOf(path), { recursive: true });
    using descriptor = this.#privateDescriptor();
    const attributes = new DataView(new ArrayBuffer(ATTRIBUTES_SIZE));
    attributes.setUint32(0, ATTRIBUTES_SIZE, true);
    attributes.setBigUint64(8, BigInt(Deno.UnsafePointer.value(descriptor.pointer)), true);
    if (this.#parts.kernel32.CreateDirectoryW(wideText(path), attributes) !== 0) return;
    throw new WindowsError(`make the folder ${path}`, this.#parts.kernel32.GetLastError());
  }

  makePrivate(path: string): void {
    using descriptor = this.#privateDescriptor();
    const what = (DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION) >>> 0;
    if (this.#parts.services.SetFileSecurityW(wideText(path), what, descriptor.pointer) !== 0) return;
    throw new WindowsError(`take ${path} from other users`, this.#parts.kernel32.GetLastError());
  }

  nameOf(sid: string): string {
    return this.#accounts.nameOf(sidBytes(sid));
  }

  /** Whether the user of this process is not split into one with an administrator's rights and one without. */
  #isWhole(): boolean {
    const { advapi32, kernel32 } = this.#parts;
    const handle = new BigUint64Array(1), process = Deno.UnsafePointer.create(THIS_PROCESS);
    if (advapi32.OpenProcessToken(process, TOKEN_QUERY, handle) === 0) return false;
    const token = Deno.UnsafePointer.create(handle[0]!);
    try {
      const type = new Uint32Array(1), length = new Uint32Array(1);
      advapi32.GetTokenInformation(token, TOKEN_ELEVATION_TYPE, type, type.byteLength, length);
      return type[0] === TOKEN_ELEVATION_TYPE_DEFAULT;
    } finally {
      kernel32.CloseHandle(token);
    }
  }

  #privateDescriptor(): { readonly pointer: Deno.PointerValue } & Disposable {
    const address = new BigUint64Array(1);
    const { services, kernel32 } = this.#parts;
    const convert = services.ConvertStringSecurityDescriptorToSecurityDescriptorW;
    if (convert(wideText(PRIVATE), SDDL_REVISION_1, address, null) === 0) {
      throw new WindowsError("make a list of rights", kernel32.GetLastError());
    }
    const pointer = Deno.UnsafePointer.create(address[0]!);
    return {
      pointer,
      [Symbol.dispose]() {
        kernel32.LocalFree(pointer);
      },
    };
  }
}
