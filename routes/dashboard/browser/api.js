/** The API of the daemon, with the token where one was entered. The token is in this closure and nowhere else. */

/** How long a call may take, in milliseconds: a check of a port takes longest. */
const CALL_MS = 60_000;

/** The daemon refuses: the members of its problem document (RFC 9457), with `detail` as the message. */
export class Refusal extends Error {
  /** @param {{ readonly code?: string, readonly detail?: string, readonly tokenFile?: string }} problem @param {number} status */
  constructor({ code = "internal", detail = "", tokenFile }, status) {
    super(detail || `HTTP ${status}`);
    this.code = code;
    this.tokenFile = tokenFile ?? null;
  }

  /** Whether the token would help. */
  get wantsToken() {
    return this.code === "scope_required" || this.code === "unauthorized";
  }
}

/** @typedef {ReturnType<typeof createApi>} Api */

/** An API without a token at first. */
export function createApi() {
  /** @type {string | null} */
  let token = null;

  /** @param {Record<string, string>} [others] */
  const headers = (others = {}) => token === null ? others : { ...others, authorization: `Bearer ${token}` };

  return {
    get hasToken() {
      return token !== null;
    },

    /** @param {string | null} given null forgets it. */
    useToken(given) {
      token = given;
    },

    /**
     * @param {string} method
     * @param {string} path
     * @param {unknown} [body]
     * @returns {Promise<any>} what it answers; undefined where that is nothing.
     * @throws {Refusal}
     * @throws {TypeError} where the daemon cannot be reached.
     */
    async call(method, path, body) {
      const response = await fetch(path, {
        method,
        headers: headers(body === undefined ? {} : { "content-type": "application/json" }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(CALL_MS),
      });
      if (!response.ok) throw new Refusal(await problemOf(response), response.status);
      return response.status === 204 ? undefined : await response.json();
    },

    /**
     * The stream of events.
     *
     * @param {string | null} lastId
     * @param {AbortSignal} signal
     */
    async events(lastId, signal) {
      const response = await fetch("/v1/events", {
        headers: headers(lastId === null ? {} : { "last-event-id": lastId }),
        signal,
      });
      if (!response.ok || response.body === null) throw new Refusal(await problemOf(response), response.status);
      return response.body;
    },
  };
}

/** @param {Response} response */
async function problemOf(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/**
 * Every live lease: the pages of `GET /v1/leases`, one after the other.
 *
 * @param {Api} api
 * @returns {AsyncGenerator<readonly import("../../../src/lease/lease.ts").Lease[]>}
 */
export async function* leasePages(api) {
  /** @type {string | undefined} */
  let cursor;
  do {
    const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const { leases, next } = await api.call("GET", `/v1/leases${query}`);
    yield leases;
    cursor = next;
  } while (cursor !== undefined);
}
