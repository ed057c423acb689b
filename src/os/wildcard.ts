/** Listening on every address of this machine. */

/** The part of a listening socket that is needed. */
interface Listening {
  readonly addr: Deno.Addr;
  close(): void;
}

/** The codes of a system without IPv6. */
const WITHOUT_FAMILY = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL"]);

/**
 * Opens sockets on the wildcard addresses of both families: one where IPv6 sockets take IPv4 too, else two on one port.
 *
 * @param open is called once or twice.
 * @throws what `open` throws, unless that says that the system has no IPv6.
 */
export function onWildcards<Socket extends Listening>(
  port: number,
  open: (address: { readonly hostname: string; readonly port: number }) => Socket,
): readonly Socket[] {
  const ipv6 = openUnlessMissing(() => open({ hostname: "::", port }));
  if (ipv6 === undefined) return [open({ hostname: "0.0.0.0", port })];
  try {
    return [ipv6, open({ hostname: "0.0.0.0", port: (ipv6.addr as Deno.NetAddr).port })];
  } catch (error) {
    // On Windows the two families are always apart: there another program has the port.
    if (error instanceof Deno.errors.AddrInUse && Deno.build.os !== "windows") return [ipv6];
    ipv6.close();
    throw error;
  }
}

function openUnlessMissing<Socket>(open: () => Socket): Socket | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof Error && "code" in error && WITHOUT_FAMILY.has(String(error.code))) return undefined;
    throw error;
  }
}
