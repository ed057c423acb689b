/**
 * A program that Deno for Windows runs: starts portd's daemon, opens a socket of each kind beside it, asks for its port in
 * every way, and prints what came of it, one line of JSON for each kind; then what comes of `portd run` when its port is
 * taken, and what binds beside a socket that is kept.
 * Its arguments are those of `deno.exe` that start the daemon.
 */
import { type Binding, bindSocket, type Sharing } from "../../../src/os/windows/bound_socket.ts";
import { system32 } from "../../../src/os/windows/system32.ts";
import { openWs2, type SocketHandle } from "../../../src/os/windows/ws2_32.ts";
import { retryUntil } from "../../../src/wait.ts";

const SHARINGS: readonly Sharing[] = ["default", "reuse", "exclusive"];
const FIRST_PORT = 21_000, POOL = "20400-20409", LISTEN = "127.0.0.1:19678";
const STATE_DIR = "C:\\portd", BACKLOG = 5, START_LIMIT_MS = 120_000, TOOL_LIMIT_MS = 10_000;

/** An address as the rows name it. */
interface Place extends Pick<Binding, "address" | "dualStack" | "scope"> {
  readonly title: string;
}

/** What portd answered: the port that it granted, or the code of its refusal. */
export type Answer = number | string;

/** What came of one kind of socket. */
export interface GrantRow {
  readonly kind: string;
  readonly port: number;
  /** The error of Windows where such a socket cannot be made. */
  readonly error?: number;
  /** What a bind to `0.0.0.0` and one to `::` without options answer beside it. */
  readonly plain?: readonly number[];
  readonly byNumber?: Answer;
  readonly byRange?: Answer;
  /** The name whose last port it was. */
  readonly byName?: Answer;
  readonly byPreference?: Answer;
  /** When the socket is gone. */
  readonly byNumberAfter?: Answer;
  readonly byRangeAfter?: Answer;
}

/** What came of a tool of Windows that does not answer. */
export interface ToolsRow {
  readonly called: boolean;
  /** The daemon's, when it had just started. */
  readonly warnings: readonly string[];
}

/** What a server's bind answers beside a socket that is kept on the port: 0, or the error of Windows. */
export interface BesideRow {
  readonly kept: string;
  readonly beside: Readonly<Record<string, number>>;
}

/** What came of `portd run` whose command binds its port, loses it to another program, and fails. */
export interface RunRow {
  /** The ports with which the command was started, one after the other. */
  readonly started: readonly number[];
  readonly code: number;
  readonly stderr: string;
}

const ws2 = openWs2();
const { listen } = Deno.dlopen(system32("ws2_32.dll"), {
  /** `int listen(SOCKET, int backlog)` */
  listen: { parameters: ["usize", "i32"], result: "i32" },
}).symbols;

function places(): readonly Place[] {
  const own = Deno.networkInterfaces();
  const lan = own.find(({ family, address }) => family === "IPv4" && !address.startsWith("127."));
  const link = own.find(({ address }) => address.startsWith("fe80:"));
  if (lan === undefined || link === undefined) throw new Error(`Cannot find all addresses: ${JSON.stringify(own)}`);
  const of = (address: string, scope = 0): Place => ({ title: address, address, scope });
  return [
    ...["0.0.0.0", "127.0.0.1", "127.0.0.2"].map((address) => of(address)),
    { ...of(lan.address), title: "LAN" },
    of("::"),
    { ...of("::"), dualStack: true, title: ":: dual" },
    of("::1"),
    { ...of(link.address, link.scopeid ?? 0), title: "link-local" },
  ];
}

async function ask(method: string, path: string, body?: unknown): Promise<{ ok: boolean; answer: Problem | Leases }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`http://${LISTEN}/v1${path}`, {
    method,
    ...(body === undefined ? {} : { headers, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { ok: response.ok, answer: text === "" ? {} : JSON.parse(text) };
}

interface Problem {
  readonly code?: string;
}

interface Leases {
  readonly id?: string;
  readonly port?: number;
}

/** Leases a port and releases it again. */
async function tryLease(request: object): Promise<Answer> {
  const { ok, answer } = await ask("POST", "/leases", { lifetime: { kind: "pinned" }, ...request });
  if (!ok) return (answer as Problem).code ?? "unknown";
  const { id, port } = answer as Leases;
  await ask("DELETE", `/leases/${id}`);
  return port!;
}

async function rowOf(place: Place, sharing: Sharing, protocol: "tcp" | "udp", port: number): Promise<GrantRow> {
  const kind = `${protocol} ${place.title} ${sharing}`;
  const protocols = [protocol], name = `at-${port}`, range = { first: port, last: port };
  const before = await tryLease({ name, port, protocols });
  if (before !== port) throw new Error(`Cannot begin with ${kind}: ${before}`);
  const bound = bindSocket(ws2, { ...place, port, protocol, sharing });
  if (bound.error !== undefined) return { kind, port, error: bound.error };
  if (protocol === "tcp" && listen(bound.socket, BACKLOG) !== 0) throw new Error(`Cannot listen: ${kind}`);
  const used = {
    plain: ["0.0.0.0", "::"].map((address) => tryToBind({ address, port, protocol, sharing: "default" })),
    byNumber: await tryLease({ port, protocols }),
    byRange: await tryLease({ range, protocols }),
    byName: await tryLease({ name, protocols }),
    byPreference: await tryLease({ prefer: [port], protocols }),
  };
  ws2.closesocket(bound.socket);
  return {
    kind,
    port,
    ...used,
    byNumberAfter: await tryLease({ port, protocols }),
    byRangeAfter: await tryLease({ range, protocols }),
  };
}

/** @returns 0, or the error of Windows. */
function tryToBind(binding: Binding): number {
  const bound = bindSocket(ws2, binding);
  if (bound.error !== undefined) return bound.error;
  ws2.closesocket(bound.socket);
  return 0;
}

/** What a server meets on a port on which such a socket is kept, bound to both families as a probe is. */
function besideRow(kept: Sharing, port: number): BesideRow {
  const open = (binding: Omit<Binding, "port">): SocketHandle => {
    const bound = bindSocket(ws2, { ...binding, port });
    if (bound.error !== undefined) throw new Error(`Cannot keep a socket: Windows error ${bound.error}`);
    return bound.socket;
  };
  const socket = open({ protocol: "tcp", address: "::", dualStack: true, sharing: kept });
  const beside: Record<string, number> = {};
  for (const place of places()) {
    for (const sharing of SHARINGS) {
      beside[`${place.title} ${sharing}`] = tryToBind({ ...place, port, protocol: "tcp", sharing });
    }
  }
  ws2.closesocket(socket);
  return { kept, beside };
}

/** Run with the address of a server: binds its port, reports it, and ends with the code that it is answered. */
const COMMAND = `const hostname = "0.0.0.0", port = Number(Deno.env.get("PORT"));
  Deno.listen({ hostname, port }).close();
  Deno.exit(Number(await (await fetch(Deno.args[0] + port)).text()));`;

/** Takes the first port from the command, exclusively: Windows then denies access to it, as WinNAT has it do. */
async function runRow(): Promise<RunRow> {
  const started: number[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    const port = Number(new URL(url).pathname.slice(1));
    if (started.push(port) > 1) return new Response("0");
    const bound = bindSocket(ws2, { protocol: "tcp", address: "::", dualStack: true, port, sharing: "exclusive" });
    return new Response(bound.error === undefined ? "1" : "2");
  });
  const words = ["run", "web", "--no-start", "--", Deno.execPath(), "eval", COMMAND];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...Deno.args, ...words, `http://127.0.0.1:${server.addr.port}/`],
    env: { PORTD_STATE_DIR: STATE_DIR, PORTD_LISTEN: LISTEN },
    stdin: "null",
  }).output();
  await server.shutdown();
  return { started, code, stderr: new TextDecoder().decode(stderr) };
}

/** The tool that stands in for netsh.exe never ends. @returns when it has been called. */
async function toolsRow(warnings: readonly string[]): Promise<ToolsRow> {
  const isCalled = () => Deno.stat("C:\\hanging_tool.txt").then(() => true, () => false);
  const called = await retryUntil(isCalled, { pauseMs: 50, limitMs: TOOL_LIMIT_MS });
  return { called: called === true, warnings };
}

/** @returns its warnings. */
async function startDaemon(): Promise<readonly string[]> {
  const settings = ["serve", "--state-dir", STATE_DIR, "--listen", LISTEN, "--pool", POOL];
  new Deno.Command(Deno.execPath(), {
    args: [...Deno.args, ...settings],
    env: { PORTD_COOLDOWN_MS: "0" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn().unref();
  const isReady = async () => await ask("GET", "/status").then(({ ok }) => ok, () => false);
  const hasStarted = await retryUntil(isReady, { pauseMs: 50, limitMs: START_LIMIT_MS });
  if (!hasStarted) throw new Error("Cannot start the daemon");
  const { answer } = await ask("GET", "/status");
  return (answer as { readonly warnings: readonly string[] }).warnings;
}

if (import.meta.main) {
  const warnings = await startDaemon();
  let port = FIRST_PORT;
  for (const protocol of ["tcp", "udp"] as const) {
    for (const place of places()) {
      for (const sharing of SHARINGS) console.log(JSON.stringify(await rowOf(place, sharing, protocol, ++port)));
    }
  }
  console.log(JSON.stringify(await runRow()));
  console.log(JSON.stringify(await toolsRow(warnings)));
  for (const kept of SHARINGS) console.log(JSON.stringify(besideRow(kept, ++port)));
}
