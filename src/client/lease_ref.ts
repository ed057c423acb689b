/** How a lease is named in an address. */
import type { Protocol } from "../lease/lease.ts";

/** A lease by its id, by its full name (`project/name`, or `name`), or by its port (of any protocol unless told). */
export type LeaseRef =
  | string
  | { readonly name: string }
  | { readonly port: number; readonly protocol?: Protocol };

/** The path of a lease below `/v1`, with the action (`/renew`) where it belongs. */
export function pathOf(ref: LeaseRef, action = ""): string {
  if (typeof ref === "string") return `/leases/${encodeURIComponent(ref)}${action}`;
  if ("port" in ref) {
    const query = ref.protocol === undefined ? "" : `?protocol=${ref.protocol}`;
    return `/leases/by-port/${ref.port}${action}${query}`;
  }
  const slash = ref.name.lastIndexOf("/");
  const parts = slash === -1 ? [ref.name] : [ref.name.slice(0, slash), ref.name.slice(slash + 1)];
  return `/leases/by-name/${parts.map(encodeURIComponent).join("/")}${action}`;
}
