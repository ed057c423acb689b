/** Accounts of Windows by their names. Manual: LookupAccountSidW. */
import { sidBytes } from "./sid.ts";
import { type TokenLibraries, userSidOf } from "./token.ts";
import { textOfWide } from "./wide_text.ts";

const LONGEST_NAME = 256;

/** Names of accounts. A name is looked up once: for an account of a domain that can take a question over the network. */
export class Accounts {
  readonly #libraries: TokenLibraries;
  readonly #names = new Map<string, string>();

  constructor(libraries: TokenLibraries) {
    this.#libraries = libraries;
  }

  /** The user of an opened process, as {@linkcode nameOf} writes it; null where this user may not ask. */
  userOf(process: Deno.PointerValue): string | null {
    const sid = userSidOf(process, this.#libraries);
    return sid === undefined ? null : this.nameOf(sid);
  }

  /** An account as `DOMAIN\name`; its SID where it has no name. */
  nameOf(sid: string): string {
    const name = this.#names.get(sid) ?? this.#lookUp(sid) ?? sid;
    this.#names.set(sid, name);
    return name;
  }

  #lookUp(sid: string): string | undefined {
    const name = new Uint8Array(2 * LONGEST_NAME), domain = new Uint8Array(2 * LONGEST_NAME);
    const nameLength = new Uint32Array([LONGEST_NAME]), domainLength = new Uint32Array([LONGEST_NAME]);
    const use = new Uint32Array(1);
    const { LookupAccountSidW } = this.#libraries.advapi32;
    if (LookupAccountSidW(null, sidBytes(sid), name, nameLength, domain, domainLength, use) === 0) return undefined;
    const text = (bytes: Uint8Array, [characters]: Uint32Array) => textOfWide(bytes.subarray(0, 2 * characters!));
    return [text(domain, domainLength), text(name, nameLength)].filter((part) => part !== "").join("\\");
  }
}
