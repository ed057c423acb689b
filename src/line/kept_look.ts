/** The last look by STUN as it is kept in the file, with the way by which the internet was reached. Pure. */
import { isPort } from "../port/port.ts";
import type { StunSample } from "./line.ts";
import type { StunLook } from "./verdict.ts";

/** By which way a look was taken: it says nothing of another way. */
export interface Way {
  /** The adapter's name; null where there was no way. */
  readonly adapter: string | null;
  /** The router's address on this network; null where the way has no router. */
  readonly gateway: string | null;
  /** The prefixes of this machine's IPv6 addresses, sorted. */
  readonly prefixes: readonly string[];
  /** The router's outer address: null where it had none, absent where it was not known. */
  readonly routerAddress?: string | null;
}

/** A look with its way. */
export interface KeptLook {
  readonly look: StunLook;
  readonly way: Way;
}

/** Reads what was kept. @returns `undefined` where there is nothing, or nothing of this version. */
export function readKeptLook(text: string | undefined): KeptLook | undefined {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return isKeptLook(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isKeptLook(value: unknown): value is KeptLook {
  if (!isObject(value) || !isObject(value.look) || !isObject(value.way)) return false;
  const { samples, asked, second, at } = value.look;
  const { adapter, gateway, prefixes, routerAddress = null } = value.way;
  return isListOf(samples, isSample) && Number.isInteger(asked) && (second === null || isSample(second)) &&
    isText(at) && [adapter, gateway, routerAddress].every((each) => each === null || isText(each)) &&
    isListOf(prefixes, isText);
}

function isSample(value: unknown): value is StunSample {
  return isObject(value) && isPort(value.localPort) && isPort(value.port) && isText(value.address);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
