/** Who sent a request: whoever has the token, or the user whose process has the other end of the connection. */
import type { Context } from "hono";
import type { User } from "../src/caller/caller.ts";
import type { Services } from "../src/daemon/daemon.ts";
import type { Connection } from "../src/os/socket.ts";
import { hasToken } from "./guard.ts";

/** A caller. */
export interface Caller {
  /** `uid:1000` or `sid:S-1-5-…`; null where the system does not say, and not asked for where the token was sent. */
  readonly user: User;
  readonly hasToken: boolean;
  /** Whether the user is the daemon's own, or one that administers the machine. */
  readonly isOwner: boolean;
}

/**
 * Who calls.
 *
 * @param how `recall` is for what is counted or kept for each caller: the user may be remembered for a second. `identify`
 * is for what gives rights: the system is asked now.
 */
export function callerOf(
  context: Context,
  how: "recall" | "identify",
  { callers, guard, port }: Pick<Services, "callers" | "guard" | "port">,
): Caller | Promise<Caller> {
  if (hasToken(context.req.raw, guard)) return { user: null, hasToken: true, isOwner: false };
  const connection = connectionOf(context, port);
  const present = (user: User) => ({ user, hasToken: false, isOwner: callers.isOwner(user) });
  const user = connection === undefined ? null : callers[how](connection);
  return user instanceof Promise ? user.then(present) : present(user);
}

/** The user whose process has the other end of the connection, as the system says now, with or without the token. */
export function userOf(context: Context, { callers, port }: Pick<Services, "callers" | "port">): User | Promise<User> {
  const connection = connectionOf(context, port);
  return connection === undefined ? null : callers.identify(connection);
}

/** The user for whom the leases of a caller count; null where they are not counted. */
export function countedUser({ user, hasToken, isOwner }: Caller): string | null {
  return hasToken || isOwner ? null : user ?? UNKNOWN;
}

/** A name by which callers differ, as far as they can be distinguished: `token`, a user, or `unknown`. */
export function callerKey({ user, hasToken }: Caller): string {
  return hasToken ? "token" : user ?? UNKNOWN;
}

/** All callers together of whom the system says nothing. */
const UNKNOWN = "unknown";

/** The connection of a request that comes from this machine over loopback. */
function connectionOf({ env }: Context, port: number): Connection | undefined {
  const { remoteAddr } = (env ?? {}) as Partial<Deno.ServeHandlerInfo<Deno.NetAddr>>;
  if (remoteAddr === undefined) return undefined;
  const remote = { address: remoteAddr.hostname, port: remoteAddr.port };
  if (remote.address === "::1") return { remote, local: { address: "::1", port } };
  return remote.address.startsWith("127.") ? { remote, local: { address: "127.0.0.1", port } } : undefined;
}
