/** Security descriptors of files and folders of this machine. Manuals: GetFileSecurityW, SetFileSecurityW. */
import { Accounts } from "../../os/windows/accounts.ts";
import {
  type Advapi32,
  type Advapi32Services,
  DACL_SECURITY_INFORMATION,
  OWNER_SECURITY_INFORMATION,
  PROTECTED_DACL_SECURITY_INFORMATION,
  SDDL_REVISION_1,
} from "../../os/windows/advapi32.ts";
import type { Kernel32 } from "../../os/windows/kernel32.ts";
import { isTokenSplit, thisProcess, userSidOf } from "../../os/windows/token.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import { WindowsError } from "../../os/windows/win32_error.ts";
import { Files } from "../files.ts";
import { type Descriptor, parseDescriptor, TRUSTED } from "./access.ts";
import { folderOf } from "./paths.ts";

/** Files, and the security descriptors that they have. */
export type FilesWithAcl = Pick<WindowsFiles, keyof WindowsFiles>;

/** All rights for SYSTEM and Administrators, inherited by what is within; nothing inherited from above. */
const PRIVATE = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
/** Owned by Administrators. */
const OWNED = "O:BA";
/** Size of `SECURITY_ATTRIBUTES`. */
const ATTRIBUTES_SIZE = 24;
const FIRST_SIZE = 1024;

/** What {@linkcode WindowsFiles} calls. */
export interface AclParts {
  readonly advapi32: Advapi32;
  readonly services: Advapi32Services;
  readonly kernel32: Kernel32;
}

/** Options of {@linkcode WindowsFiles.trusted}. */
export interface TrustOptions {
  /** Whether the user of this process counts in any case: for what this user has brought. @default false */
  readonly withUser?: boolean;
}

/** The files of this machine. Every method that is about descriptors throws {@linkcode WindowsError}. */
export class WindowsFiles extends Files {
  readonly #parts: AclParts;
  readonly #accounts: Accounts;

  constructor(parts: AclParts) {
    super();
    this.#parts = parts;
    this.#accounts = new Accounts(parts);
  }

  /**
   * The SIDs of those who have the rights of the system anyway. The user of this process is among them unless UAC has
   * split the token: then programs without an administrator's rights run as the same user.
   */
  trusted({ withUser = false }: TrustOptions = {}): ReadonlySet<string> {
    const own = userSidOf(thisProcess(), this.#parts);
    const isTrusted = own !== undefined && (withUser || !isTokenSplit(this.#parts));
    return new Set(isTrusted ? [...TRUSTED, own] : TRUSTED);
  }

  /** The descriptor of a file or folder. */
  read(path: string): Descriptor {
    const what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, { GetFileSecurityW } = this.#parts.services;
    const wide = wideText(path);
    for (let size = FIRST_SIZE;;) {
      const bytes = new Uint8Array(size), needed = new Uint32Array(1);
      if (GetFileSecurityW(wide, what, bytes, size, needed) !== 0) return parseDescriptor(bytes);
      const error = this.#parts.kernel32.GetLastError();
      if (needed[0]! <= size) throw new WindowsError(`read who may change ${path}`, error);
      size = needed[0]!;
    }
  }

  /**
   * Makes a folder that only SYSTEM and Administrators may open, from its first moment on; and those above it.
   *
   * @param user is the SID of a user who owns it and may open it too. @default it belongs to Administrators
   */
  createPrivate(path: string, user?: string): void {
    Deno.mkdirSync(folderOf(path), { recursive: true });
    using descriptor = this.#privateDescriptor(user);
    const attributes = new DataView(new ArrayBuffer(ATTRIBUTES_SIZE));
    attributes.setUint32(0, ATTRIBUTES_SIZE, true);
    attributes.setBigUint64(8, BigInt(Deno.UnsafePointer.value(descriptor.pointer)), true);
    if (this.#parts.kernel32.CreateDirectoryW(wideText(path), attributes) !== 0) return;
    throw new WindowsError(`make the folder ${path}`, this.#parts.kernel32.GetLastError());
  }

  /**
   * Takes a file or folder from all but SYSTEM and Administrators. What is in the folder keeps its own list.
   *
   * @param user is the SID of a user who keeps it too.
   */
  makePrivate(path: string, user?: string): void {
    using descriptor = this.#privateDescriptor(user);
    const what = (DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION) >>> 0;
    if (this.#parts.services.SetFileSecurityW(wideText(path), what, descriptor.pointer) !== 0) return;
    throw new WindowsError(`take ${path} from other users`, this.#parts.kernel32.GetLastError());
  }

  /** The SID of the user of this process. @throws {Error} where Windows does not say. */
  user(): string {
    const own = userSidOf(thisProcess(), this.#parts);
    if (own === undefined) throw new Error("Cannot find the user of this process: Windows does not answer");
    return own;
  }

  /** The name of an account; the SID where it has none. */
  nameOf(sid: string): string {
    return this.#accounts.nameOf(sid);
  }

  #privateDescriptor(user: string | undefined): { readonly pointer: Deno.PointerValue } & Disposable {
    const address = new BigUint64Array(1);
    const { services, kernel32 } = this.#parts;
    const convert = services.ConvertStringSecurityDescriptorToSecurityDescriptorW;
    const text = user === undefined ? `${OWNED}${PRIVATE}` : `${PRIVATE}(A;OICI;FA;;;${user})`;
    if (convert(wideText(text), SDDL_REVISION_1, address, null) === 0) {
      throw new WindowsError("make a list of rights", kernel32.GetLastError());
    }
    const pointer = Deno.UnsafePointer.create(address[0]!);
    return { pointer, [Symbol.dispose]: () => void kernel32.LocalFree(pointer) };
  }
}
