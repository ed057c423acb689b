/** Whether this machine has IPv6 on its loopback: tests of pinholes over fakes need no more. */
export function hasIpv6Loopback(): boolean {
  try {
    Deno.listenDatagram({ transport: "udp", hostname: "::1", port: 0 }).close();
    return true;
  } catch (error) {
    if (
      error instanceof Deno.errors.AddrNotAvailable || error instanceof Error && /Address family/.test(error.message)
    ) {
      return false;
    }
    throw error;
  }
}
