/** The HTTP API, called without the client of portd. */
import type { Lease } from "../../../src/lease/lease.ts";
import { CONTRACT } from "../openapi/contract.ts";

/** An answer with its body. */
export interface ApiAnswer {
  readonly status: number;
  /** The parsed body; `undefined` when there was none. */
  readonly body: Record<string, unknown> | undefined;
}

const PATIENCE_MS = 120_000;

/** Calls the API, and checks the exchange. @param url with `/v1`. @throws {DOMException} `TimeoutError` when no answer comes in two minutes. */
export async function call(url: string, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text(), { status, headers } = response;
  CONTRACT.check({ method, url: `${url}${path}`, body }, { status, headers, text });
  return { status, body: text === "" ? undefined : JSON.parse(text) };
}

/** Every live lease. */
export async function liveLeases(url: string): Promise<Lease[]> {
  const leases: Lease[] = [];
  let cursor = "";
  do {
    const { body } = await call(url, "GET", `/leases?limit=1000${cursor}`);
    leases.push(...(body?.leases as Lease[]));
    cursor = body?.next === undefined ? "" : `&cursor=${encodeURIComponent(String(body.next))}`;
  } while (cursor !== "");
  return leases;
}
