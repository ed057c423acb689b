/** The network of Windows. Manuals: GetAdaptersAddresses, GetBestInterfaceEx. Nothing is sent anywhere. */
import { addressBytes } from "../../os/address.ts";
import { addressOf } from "../../os/pointer.ts";
import { type AdapterCalls, AF_INET, AF_INET6, openAdapterCalls } from "../../os/windows/iphlpapi.ts";
import { ERROR_BUFFER_OVERFLOW, ERROR_NO_DATA, NO_ERROR } from "../../os/windows/win32_error.ts";
import type { NetworkReader } from "../adapters.ts";
import { assemble } from "./assemble.ts";
import { type AdapterAddresses, parseAdapterAddresses } from "./structures.ts";

const SKIP_ANYCAST = 0x2, SKIP_MULTICAST = 0x4, INCLUDE_GATEWAYS = 0x80;
const FIRST_BUFFER_SIZE = 1 << 15;
/** How often the list may grow between the answer about its size and the next call. */
const TRIES = 10;
/** Addresses of the internet that every default route leads to: a.root-servers.net. */
const FAR = { ipv4: "198.41.0.4", ipv6: "2001:503:ba3e::2:30" } as const;

/** The reader of this machine; the library is opened at the first call. */
export function windowsNetworkReader(): NetworkReader {
  let calls: AdapterCalls | undefined;
  return {
    async read() {
      calls ??= openAdapterCalls();
      const adapters = await listAdapters(calls);
      const [ipv4, ipv6] = [await bestInterface(calls, FAR.ipv4), await bestInterface(calls, FAR.ipv6)];
      return assemble(adapters, { ipv4, ipv6 });
    },
  };
}

async function listAdapters(calls: AdapterCalls): Promise<readonly AdapterAddresses[]> {
  let size = FIRST_BUFFER_SIZE;
  const flags = SKIP_ANYCAST | SKIP_MULTICAST | INCLUDE_GATEWAYS;
  for (let tries = 0; tries < TRIES; tries++) {
    const buffer = new Uint8Array(size), base = addressOf(buffer), length = new Uint32Array([size]);
    const code = await calls.GetAdaptersAddresses(0, flags, null, buffer, length);
    if (code === NO_ERROR) return parseAdapterAddresses(buffer, base);
    if (code === ERROR_NO_DATA) return [];
    if (code !== ERROR_BUFFER_OVERFLOW) {
      throw new Error(`Cannot read the network: GetAdaptersAddresses fails with ${code}`);
    }
    size = length[0]! + (size >> 1);
  }
  throw new Error("Cannot read the network: it changes all the time");
}

/** The number of the adapter by which packets to an address leave; `undefined` where there is no way. */
async function bestInterface(calls: AdapterCalls, address: string): Promise<number | undefined> {
  const index = new Uint32Array(1);
  const code = await calls.GetBestInterfaceEx(socketAddress(address), index);
  return code === NO_ERROR ? index[0]! : undefined;
}

/** `struct sockaddr_in` and `sockaddr_in6`, ws2def.h and ws2ipdef.h. */
function socketAddress(text: string): Uint8Array<ArrayBuffer> {
  const address = addressBytes(text)!, isIpv4 = address.length === 4;
  const bytes = new Uint8Array(isIpv4 ? 16 : 28);
  new DataView(bytes.buffer).setUint16(0, isIpv4 ? AF_INET : AF_INET6, true);
  bytes.set(address, isIpv4 ? 4 : 8);
  return bytes;
}
