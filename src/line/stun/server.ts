/** Which STUN servers may be asked, and how their names are written. Pure. */
import { readPort } from "../../port/port.ts";

/** A server as it is named. */
export interface StunServer {
  /** A name, or an IPv4 address. */
  readonly host: string;
  readonly port: number;
}

/** What {@linkcode readStunServer} accepts, for messages. */
export const STUN_SERVER_EXPECTED = 'a STUN server like "stun.example.org:3478"';

/** How many servers one look may ask. */
export const MOST_STUN_SERVERS = 4;

/** The port that a server has unless another one is given; RFC 8489 section 18.6. */
const DEFAULT_PORT = 3478;
/** A name of the DNS: RFC 1035 section 2.3.4. */
const LONGEST_HOST = 253;

/** Reads `host:port`, `host`, and both behind `stun:` (RFC 7064). @returns `undefined` for any other text. */
export function readStunServer(text: string): StunServer | undefined {
  const [, host, digits] = /^(?:stun:)?([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\.?(?::(\d{1,5}))?$/.exec(text) ??
    [];
  if (host === undefined || host.length > LONGEST_HOST) return undefined;
  const port = digits === undefined ? DEFAULT_PORT : readPort(digits);
  return port === undefined ? undefined : { host, port };
}

/** What {@linkcode readStunServers} accepts, for messages. */
export const STUN_SERVERS_EXPECTED = `at most ${MOST_STUN_SERVERS} STUN servers, separated by commas, each like ` +
  '"stun.example.org:3478"';

/** Well-known public servers, for everybody who names no others. */
export const DEFAULT_STUN_SERVERS = "stun.cloudflare.com:3478,stun.l.google.com:19302,stun.nextcloud.com:3478";

/** Reads a list of servers; an empty text is none. @returns `undefined` for any other text. */
export function readStunServers(text: string): readonly StunServer[] | undefined {
  const servers = text === "" ? [] : text.split(",").map((part) => readStunServer(part.trim()));
  const isUsable = servers.length <= MOST_STUN_SERVERS && servers.every((server) => server !== undefined);
  return isUsable ? servers : undefined;
}

/** A server as text: `stun.example.org:3478`. */
export function stunServerText({ host, port }: StunServer): string {
  return `${host}:${port}`;
}
