/**
 * What the system knows of this machine's network: the types. open.ts chooses the reader of this system; linux/, windows/
 * and darwin/ read it.
 */

/** An address of an adapter. */
export interface AdapterAddress {
  readonly family: "ipv4" | "ipv6";
  /** Canonical text (RFC 5952), without a zone. */
  readonly address: string;
  /** How many bits of it are the network's. */
  readonly prefix: number;
  /** How far it reaches. */
  readonly scope: "global" | "private" | "link" | "loopback";
  /**
   * Where it is from; `auto` is what the adapter gives itself: by router advertisements of IPv6, or within its link. Null
   * where that is not known.
   */
  readonly origin: "dhcp" | "static" | "auto" | null;
  /** Whether it changes by itself (RFC 8981) and is therefore of no use to others. */
  readonly isTemporary: boolean;
}

/** A network adapter. */
export interface Adapter {
  /** As the system's commands take it: `eth0`; on Windows its connection name, `Ethernet`. */
  readonly name: string;
  /** The system's number of it. */
  readonly index: number;
  /** As in `02:42:ac:11:00:02`; null where it has none. */
  readonly mac: string | null;
  readonly isUp: boolean;
  /** Whether it is software of this machine: a bridge, a tunnel, a container's or a virtual machine's adapter. */
  readonly isVirtual: boolean;
  readonly kind: "ethernet" | "wifi" | "loopback" | "tunnel" | "other";
  readonly addresses: readonly AdapterAddress[];
  /** The routers of its default routes, the preferred one of each family first; link-local ones without a zone. */
  readonly gateways: readonly string[];
  /** Its name servers. */
  readonly dns: readonly string[];
  /**
   * Who configures it: `NetworkManager`, `systemd-networkd`, `netplan`, `ifupdown`, `dhcpcd`, `dhclient`, `Windows`, `macOS`; null
   * where that is not known.
   */
  readonly managedBy: string | null;
  /**
   * What {@linkcode managedBy} calls its configuration: the UUID of NetworkManager's connection, the path of networkd's
   * `.network` file, macOS's network service (`Wi-Fi`). Null where that is not known or has no name.
   */
  readonly profile: string | null;
}

/** By which way packets leave for the internet. */
export interface InternetRoute {
  /** Name of the adapter. */
  readonly adapter: string;
  /** The address that this machine has on that way. */
  readonly address: string;
  /**
   * The router's address; link-local ones carry their zone as the system's socket calls take it: `fe80::1%eth0`, and on
   * Windows with the adapter's number, `fe80::1%12`. Null where the way has no router.
   */
  readonly gateway: string | null;
}

/** Answer of `GET /network`. */
export interface NetworkFacts {
  readonly adapters: readonly Adapter[];
  /** The way to the internet of each family; null where there is none. */
  readonly internet: { readonly ipv4: InternetRoute | null; readonly ipv6: InternetRoute | null };
  /** Commands that would fix the address that the internet's adapter has from DHCP; empty where nothing is to be fixed. */
  readonly fixCommands: readonly string[];
}

/** Reads the network. */
export interface NetworkReader {
  /** As it is now. Does not block the event loop. */
  read(): Promise<NetworkFacts>;
}
