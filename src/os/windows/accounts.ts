/** Accounts of Windows by their names. Manual: LookupAccountSidW. */
import { sidBytes } from "./sid.ts";
import { type TokenLibraries, userSidOf } from "./token.ts";
import { textOfWide } from "./wide_text.ts";

const LONGEST_NAME = 256;

/** What one call of LookupAccountSidW reads and writes. */
class Lookup {
  readonly #name = new Uint8Array(2 * LONGEST_NAME);
  readonly #domain = new Uint8Array(2 * LONGEST_NAME);
  readonly #nameLength = new Uint32Array([LONGEST_NAME]);
  readonly #domainLength = new Uint32Array([LONGEST_NAME]);
  readonly parameters;

  constructor(sid: string) {
    const [name, domain] = [[this.#name, this.#nameLength], [this.#domain, this.#domainLength]] as const;
    this.parameters = [null, sidBytes(sid), ...name, ...domain, new Uint32Array(1)] as const;
  }

  /** `DOMAIN\\name`, after the call. */
  get text(): string {
    const text = (bytes: Uint8Array, [characters]: Uint32Array) => textOfWide(bytes.subarray(0, 2 * characters!));
    const parts = [text(this.#domain, this.#domainLength), text(this.#name, this.#nameLength)];
    return parts.filter((part) => part !== "").join("\\");
  }
}

/** Names of accounts. A name is looked up once: for an account of a domain that asks another machine. */
export class Accounts {
  readonly #libraries: TokenLibraries;
  readonly #names = new Map<string, string>();
  /** Those that are being looked up off the event loop. */
  readonly #pending = new Map<string, Lookup>();

  constructor(libraries: TokenLibraries) {
    this.#libraries = libraries;
  }

  /**
   * The user of an opened process, as {@linkcode nameOf} writes it; null where this user may not ask. Does not wait: until
   * the name is known it is the SID.
   */
  userOf(process: Deno.PointerValue): string | null {
    const sid = userSidOf(process, this.#libraries);
    if (sid === undefined) return null;
    if (!this.#names.has(sid) && !this.#pending.has(sid)) this.#lookUpLater(sid);
    return this.#names.get(sid) ?? sid;
  }

  /** An account as `DOMAIN\\name`; its SID where it has no name. Waits until that is known. */
  nameOf(sid: string): string {
    const known = this.#names.get(sid);
    if (known !== undefined) return known;
    const lookup = new Lookup(sid);
    const isFound = this.#libraries.advapi32.LookupAccountSidW(...lookup.parameters) !== 0;
    return this.#remember(sid, isFound ? lookup.text : sid);
  }

  async #lookUpLater(sid: string): Promise<void> {
    const lookup = new Lookup(sid);
    this.#pending.set(sid, lookup); // also keeps it in memory while Windows writes to it
    const isFound = await this.#libraries.advapi32.lookUpAccountOffLoop(...lookup.parameters) !== 0;
    this.#pending.delete(sid);
    this.#remember(sid, isFound ? lookup.text : sid);
  }

  #remember(sid: string, name: string): string {
    this.#names.set(sid, name);
    return name;
  }
}
