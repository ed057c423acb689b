/** Hot reload of dev servers: connecting to it as the scripts of their pages do. */
import assert from "node:assert/strict";
import { within } from "../../../src/wait.ts";
import type { Served } from "./dev_server.ts";

const PATIENCE_MS = 180_000;

/** Connects as the script of Vite's page does. @param base is that of the page's scripts. */
async function viteSocket(port: number, base = "/"): Promise<WebSocket> {
  const client = await (await fetch(`http://localhost:${port}${base}@vite/client`)).text();
  const [, token] = /wsToken = "([^"]*)"/.exec(client) ?? [];
  return await openSocket(`ws://localhost:${port}${base}?token=${token}`, {
    protocol: "vite-hmr",
    first: /^\{"type":"connected"\}$/,
  });
}

/** Whether Vite's hot reload answers. @param base is that of the page's scripts. */
export function connectsToVite(base?: string): (served: Served) => Promise<void> {
  return async ({ port }) => await closeSocket(await viteSocket(port, base));
}

/** Besides, a change of index.html arrives. */
export async function hearsOfChange({ port, cwd }: Served): Promise<void> {
  const socket = await viteSocket(port);
  const change = nextMessage(socket, /"type":"full-reload"/);
  await Deno.writeTextFile(`${cwd}/index.html`, "<h1>another window</h1>");
  await change;
  await closeSocket(socket);
}

/** @param path of the websocket, on the server's own port. @param first is what the server says first. */
export function connects(path: string, first?: RegExp): (served: Served) => Promise<void> {
  return async ({ port }) => {
    await closeSocket(await openSocket(`ws://localhost:${port}${path}`, first === undefined ? {} : { first }));
  };
}

/** The script of Rsbuild's page has a token in it. */
export async function connectsToRsbuild({ port }: Served): Promise<void> {
  const script = await (await fetch(`http://localhost:${port}/static/js/index.js`)).text();
  const [, token] = /init\(%0A%20%20'([0-9a-f]+)'/.exec(script) ?? [];
  await closeSocket(await openSocket(`ws://localhost:${port}/rsbuild-hmr?token=${token}`));
}

/**
 * Connects a websocket and waits until it is open, and until `first` was its first message.
 *
 * @param options `protocol` is the subprotocol, which the server has to accept.
 * @returns the socket; its owner closes it with {@linkcode closeSocket}.
 */
export async function openSocket(
  url: string,
  { protocol, first }: { readonly protocol?: string; readonly first?: RegExp } = {},
): Promise<WebSocket> {
  // A browser says of which page the script is, and some servers listen to no other.
  const origin = new URL(url.replace(/^ws/, "http")).origin;
  const socket = new WebSocket(url, { headers: { origin }, protocols: protocol === undefined ? [] : [protocol] });
  const opened = new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = (event) => reject(new Error(`Cannot connect to ${url}: ${(event as ErrorEvent).message}`));
  });
  const message = first === undefined ? undefined : nextMessage(socket, first);
  await opened;
  assert.equal(socket.protocol, protocol ?? "");
  await message;
  return socket;
}

/** The next message of a socket that matches. @throws {Error} when none comes. */
export async function nextMessage(socket: WebSocket, wanted: RegExp): Promise<string> {
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  const take = ({ data }: MessageEvent) => {
    seen.push(String(data).slice(0, 500));
    if (wanted.test(String(data))) resolve(String(data));
  };
  socket.addEventListener("message", take);
  const found = await within(promise, PATIENCE_MS);
  socket.removeEventListener("message", take);
  assert.ok(found !== undefined, `no message ${wanted}, but ${seen.join("\n")}`);
  return found;
}

/** Closes a socket and waits until it is closed. */
export async function closeSocket(socket: WebSocket): Promise<void> {
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
}
