/** A checker on loopback, and requests to it from any address of 127.0.0.0/8. */
import { connect } from "node:net";
import { createCheckerApp } from "../../routes/checker.ts";
import { Checker } from "../../src/checker/checker.ts";
import { type ConnectionLimits, Connections } from "../../src/checker/connections.ts";
import { type Dial, dial, type Target } from "../../src/checker/dial.ts";
import { FakeClock } from "./clock.ts";

/** Options of {@linkcode openChecker}. */
export interface TestCheckerOptions extends Partial<ConnectionLimits> {
  /** @default sockets of this machine */
  readonly dial?: Dial;
  /** @default true */
  readonly allowPrivate?: boolean;
  readonly hostname?: string;
}

/** A checker that listens. */
export interface TestChecker extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Whoever was dialled. */
  readonly dialled: readonly Target[];
  /** Lines of the log. */
  readonly faults: readonly string[];
  readonly clock: FakeClock;
  readonly connections: Connections;
}

/** Opens a checker on any port; its clock stands still. */
export function openChecker(options: TestCheckerOptions = {}): TestChecker {
  const { dial: dialTarget = dial, allowPrivate = true, hostname = "127.0.0.1", ...limits } = options;
  const dialled: Target[] = [], faults: string[] = [], clock = new FakeClock();
  const log = (line: string) => void faults.push(line);
  const spy: Dial = (target, nonce) => {
    dialled.push(target);
    return dialTarget(target, nonce);
  };
  const checker = new Checker({ clock, allowPrivate, dial: spy });
  const connections = new Connections(createCheckerApp(checker, log), { log, ...limits });
  const listener = Deno.listen({ hostname, port: 0 }), stopping = new AbortController();
  const serving = connections.serve(listener, stopping.signal);
  const { port } = listener.addr as Deno.NetAddr;
  const url = `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  return {
    port,
    url,
    dialled,
    faults,
    clock,
    connections,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await serving;
    },
  };
}

/** A request of a checker as bytes; fields of the head are added or replaced. */
export function checkBytes(body: unknown, head: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  const text = typeof body === "string" ? body : JSON.stringify(body), length = new TextEncoder().encode(text).length;
  const fields = { host: "checker", "content-type": "application/json", "content-length": String(length), ...head };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return new TextEncoder().encode(`POST /v1/check HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${text}`);
}

/** An answer. */
export interface CheckerAnswer {
  /** 0 where there was none. */
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
  readonly headers: string;
  /** All bytes that came. */
  readonly bytes: number;
}

/** Sends bytes from an address, and reads what comes until the connection ends. */
export function send(
  port: number,
  bytes: Uint8Array,
  { from = "127.0.0.1", to = "127.0.0.1", ends = false, fromPort }: {
    readonly from?: string;
    readonly to?: string;
    /** Whether nothing follows: else the sender waits. */
    readonly ends?: boolean;
    /** The sender's own port. @default any */
    readonly fromPort?: number;
  } = {},
): Promise<CheckerAnswer> {
  return new Promise((resolve) => {
    const socket = connect({
      host: to,
      port,
      localAddress: from,
      ...(fromPort !== undefined && { localPort: fromPort }),
    });
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (part) => text += part);
    socket.on("error", () => undefined); // whatever was read before counts: the connection may be reset
    socket.on("close", () => resolve(parse(text)));
    socket.on("end", () => socket.end());
    socket.write(bytes);
    if (ends) socket.end();
  });
}

function parse(text: string): CheckerAnswer {
  const [headers = "", body = ""] = text.split("\r\n\r\n", 2);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1] ?? 0);
  return { status, headers, body: body === "" ? undefined : JSON.parse(body), bytes: text.length };
}
