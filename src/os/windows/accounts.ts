/** Whose a process is: the account of its token. Manuals: GetTokenInformation, LookupAccountSidW. */
import { addressOf } from "../pointer.ts";
import { type Advapi32, TOKEN_QUERY, TOKEN_USER } from "./advapi32.ts";
import type { Kernel32 } from "./kernel32.ts";
import { sidSize, sidText, textOfWide } from "./process_structures.ts";

/** `TOKEN_USER` with the longest SID behind it. */
const TOKEN_USER_SIZE = 16 + 68;
const LONGEST_NAME = 256;

/** Names of accounts. A name is looked up once: for an account of a domain that can take a question over the network. */
export class Accounts {
  readonly #advapi32: Advapi32;
  readonly #kernel32: Kernel32;
  readonly #names = new Map<string, string>();

  constructor(advapi32: Advapi32, kernel32: Kernel32) {
    this.#advapi32 = advapi32;
    this.#kernel32 = kernel32;
  }

  /**
   * The user of an opened process as `DOMAIN\name`; the SID where no name belongs to it; null where this user may not
   * ask.
   */
  userOf(process: Deno.PointerValue): string | null {
    const sid = this.sidOf(process);
    return sid === undefined ? null : this.nameOf(sid);
  }

  /** An account as `DOMAIN\name`; its SID where no name belongs to it. */
  nameOf(sid: Uint8Array<ArrayBuffer>): string {
    const text = sidText(sid);
    const name = this.#names.get(text) ?? this.#lookUp(sid) ?? text;
    this.#names.set(text, name);
    return name;
  }

  /** The SID of the user of an opened process; `undefined` where this user may not ask. */
  sidOf(process: Deno.PointerValue): Uint8Array<ArrayBuffer> | undefined {
    const handle = new BigUint64Array(1);
    if (this.#advapi32.OpenProcessToken(process, TOKEN_QUERY, handle) === 0) return undefined;
    const token = Deno.UnsafePointer.create(handle[0]!);
    try {
      const bytes = new Uint8Array(TOKEN_USER_SIZE), length = new Uint32Array(1);
      const base = addressOf(bytes);
      if (this.#advapi32.GetTokenInformation(token, TOKEN_USER, bytes, bytes.length, length) === 0) return undefined;
      const sid = bytes.subarray(Number(new DataView(bytes.buffer).getBigUint64(0, true) - base));
      return sid.slice(0, sidSize(sid));
    } finally {
      this.#kernel32.CloseHandle(token);
    }
  }

  #lookUp(sid: Uint8Array<ArrayBuffer>): string | undefined {
    const name = new Uint8Array(2 * LONGEST_NAME), domain = new Uint8Array(2 * LONGEST_NAME);
    const nameLength = new Uint32Array([LONGEST_NAME]), domainLength = new Uint32Array([LONGEST_NAME]);
    const use = new Uint32Array(1);
    if (this.#advapi32.LookupAccountSidW(null, sid, name, nameLength, domain, domainLength, use) === 0) {
      return undefined;
    }
    const text = (bytes: Uint8Array, [characters]: Uint32Array) => textOfWide(bytes.subarray(0, 2 * characters!));
    return [text(domain, domainLength), text(name, nameLength)].filter((part) => part !== "").join("\\");
  }
}
