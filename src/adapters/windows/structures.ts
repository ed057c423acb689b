/**
 * Reads what `GetAdaptersAddresses` writes into a buffer: structures that point at each other within it. Windows:
 * iptypes.h, `IP_ADAPTER_ADDRESSES_LH` and its parts, as 64-bit programs have them. Pure, and total: what points
 * elsewhere is not there.
 */
import { addressText } from "../../os/address.ts";
import { AF_INET, AF_INET6 } from "../../os/windows/iphlpapi.ts";
import { textOfWide } from "../../os/windows/wide_text.ts";

/** Offsets in `IP_ADAPTER_ADDRESSES_LH`. */
const INDEX = 4,
  NEXT = 8,
  FIRST_UNICAST = 24,
  FIRST_DNS = 48,
  DESCRIPTION = 64,
  FRIENDLY_NAME = 72,
  PHYSICAL_ADDRESS = 80,
  PHYSICAL_LENGTH = 88,
  FLAGS = 92,
  TYPE = 100,
  STATUS = 104,
  INDEX6 = 108,
  FIRST_GATEWAY = 208,
  METRIC4 = 216,
  METRIC6 = 220,
  SIZE = 224;
/** Offsets in `IP_ADAPTER_UNICAST_ADDRESS_LH`; servers and gateways begin likewise. */
const SOCKET_ADDRESS = 16, SOCKET_ADDRESS_LENGTH = 24, ITEM_SIZE = 32;
const PREFIX_ORIGIN = 32, SUFFIX_ORIGIN = 36, DAD_STATE = 40, PREFIX_LENGTH = 56, UNICAST_SIZE = 57;
const DHCP_ENABLED = 0x4, UP = 1;
/** More than a machine has; a list that leads back into itself ends here. */
const MOST_ITEMS = 4096;
/** Characters of a name; those of Windows have 256. */
const LONGEST_NAME = 1024;

/** One address of an adapter. */
export interface UnicastAddress {
  readonly address: string;
  readonly prefix: number;
  /** `NL_PREFIX_ORIGIN`: 1 manual, 2 well known, 3 DHCP, 4 router advertisement. */
  readonly prefixOrigin: number;
  /** `NL_SUFFIX_ORIGIN`: 5 is random. */
  readonly suffixOrigin: number;
  /** `NL_DAD_STATE`: 4 is preferred. */
  readonly dadState: number;
}

/** One adapter as Windows has it. */
export interface AdapterAddresses {
  readonly index: number;
  readonly index6: number;
  readonly name: string;
  readonly description: string;
  readonly mac: readonly number[];
  readonly hasDhcp: boolean;
  /** `IFTYPE`: 6 Ethernet, 24 loopback, 71 Wi-Fi, 131 tunnel. */
  readonly type: number;
  readonly isUp: boolean;
  readonly metric4: number;
  readonly metric6: number;
  readonly addresses: readonly UnicastAddress[];
  readonly dns: readonly string[];
  readonly gateways: readonly string[];
}

/** The adapters in a buffer. @param base is the address at which Windows saw the buffer. */
export function parseAdapterAddresses(bytes: Uint8Array, base: bigint): readonly AdapterAddresses[] {
  const memory = new Memory(bytes, base);
  return [...memory.list(base, SIZE)].map((at) => readAdapter(memory, at));
}

function readAdapter(memory: Memory, at: number): AdapterAddresses {
  const number = (offset: number) => memory.number(at + offset);
  const macLength = Math.min(number(PHYSICAL_LENGTH), 8);
  const addressesOf = (first: number) =>
    [...memory.list(memory.pointer(at + first), ITEM_SIZE)].flatMap((item) => memory.address(item));
  return {
    index: number(INDEX),
    index6: number(INDEX6),
    name: memory.text(memory.pointer(at + FRIENDLY_NAME)),
    description: memory.text(memory.pointer(at + DESCRIPTION)),
    mac: [...memory.slice(at + PHYSICAL_ADDRESS, macLength)],
    hasDhcp: (number(FLAGS) & DHCP_ENABLED) !== 0,
    type: number(TYPE),
    isUp: number(STATUS) === UP,
    metric4: number(METRIC4),
    metric6: number(METRIC6),
    addresses: [...memory.list(memory.pointer(at + FIRST_UNICAST), UNICAST_SIZE)].flatMap((item) =>
      readUnicast(memory, item)
    ),
    dns: addressesOf(FIRST_DNS),
    gateways: addressesOf(FIRST_GATEWAY),
  };
}

function readUnicast(memory: Memory, at: number): UnicastAddress[] {
  return memory.address(at).map((address) => ({
    address,
    prefix: memory.slice(at + PREFIX_LENGTH, 1)[0]!,
    prefixOrigin: memory.number(at + PREFIX_ORIGIN),
    suffixOrigin: memory.number(at + SUFFIX_ORIGIN),
    dadState: memory.number(at + DAD_STATE),
  }));
}

/** A buffer whose pointers are addresses of Windows. */
class Memory {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: bigint;

  constructor(bytes: Uint8Array, base: bigint) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
  }

  /** Where the items of a list are, each of at least so many bytes, the next one behind the pointer at 8. */
  *list(first: bigint, size: number): Generator<number> {
    let pointer = first;
    for (let count = 0; count < MOST_ITEMS; count++) {
      const at = this.#offset(pointer, size);
      if (at === undefined) return;
      yield at;
      pointer = this.pointer(at + NEXT);
    }
  }

  pointer(at: number): bigint {
    return this.#view.getBigUint64(at, true);
  }

  number(at: number): number {
    return this.#view.getUint32(at, true);
  }

  slice(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(at, at + length);
  }

  /** A text of UTF-16 that ends with a NUL. */
  text(pointer: bigint): string {
    const at = this.#offset(pointer, 2);
    if (at === undefined) return "";
    let end = at;
    while (end + 2 <= this.#bytes.length && end - at < 2 * LONGEST_NAME && this.#view.getUint16(end, true) !== 0) {
      end += 2;
    }
    return textOfWide(this.#bytes.subarray(at, end));
  }

  /** The address of an item, which has a `SOCKET_ADDRESS`. */
  address(item: number): string[] {
    const at = this.#offset(this.pointer(item + SOCKET_ADDRESS), 8), length = this.number(item + SOCKET_ADDRESS_LENGTH);
    if (at === undefined) return [];
    const family = this.#view.getUint16(at, true);
    const [start, size] = family === AF_INET ? [4, 4] : family === AF_INET6 ? [8, 16] : [0, 0];
    const isWhole = size > 0 && length >= start + size && at + start + size <= this.#bytes.length;
    return isWhole ? [addressText(this.slice(at + start, size))] : [];
  }

  /** Where a pointer leads to; `undefined` where less than `size` bytes are there. */
  #offset(pointer: bigint, size: number): number | undefined {
    const offset = pointer - this.#base;
    return offset >= 0n && offset + BigInt(size) <= BigInt(this.#bytes.length) ? Number(offset) : undefined;
  }
}
