/** How long single requests take, one after the other over one kept-alive connection. In milliseconds. */
import { type Answer, KeptConnection } from "./kept_connection.ts";
import type { Server } from "./servers.ts";

/** Times grants; each lease is released, untimed, before the next is asked for. @throws {Error} on a refusal. */
export async function timeGrants({ port }: Server, count: number): Promise<number[]> {
  using connection = await KeptConnection.open(port);
  const grant = connection.encode("POST", "/v1/leases", JSON.stringify({ protocols: ["tcp"] }));
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    const answer = await connection.exchange(grant);
    times.push(performance.now() - startedAt);
    const { id } = JSON.parse(expect(201, answer));
    expect(204, await connection.exchange(connection.encode("DELETE", `/v1/leases/${id}`)));
  }
  return times;
}

/** Times the echo of a body. */
export async function timeEchoes({ port }: Server, body: string, count: number): Promise<number[]> {
  using connection = await KeptConnection.open(port);
  const request = connection.encode("POST", "/", body);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    const answer = await connection.exchange(request);
    times.push(performance.now() - startedAt);
    expect(200, answer);
  }
  return times;
}

/** Times what a durable write cannot do without: 4 KiB over what is there, and fdatasync. */
export async function timeSyncs(folder: string, count: number): Promise<number[]> {
  using file = await Deno.open(`${folder}/disk`, { create: true, write: true });
  const page = new Uint8Array(4096).fill(1);
  await file.write(page);
  await file.sync();
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    await file.seek(0, Deno.SeekMode.Start);
    const startedAt = performance.now();
    await file.write(page);
    await file.syncData();
    times.push(performance.now() - startedAt);
  }
  return times;
}

function expect(status: number, answer: Answer): string {
  if (answer.status === status) return answer.body;
  throw new Error(`Cannot time: the answer is ${answer.status}, not ${status}: ${answer.body}`);
}

/** Options of {@linkcode timePaced}. */
export interface PacedOptions {
  /** Whether one more grant is to be timed, when so many are. */
  readonly goOn: (done: number) => boolean;
  /** Pause between a release and the next grant, in milliseconds. */
  readonly pauseMs: number;
}

/** Times grants of one named lease, each released before the next, at an easy pace. @throws {Error} on a refusal. */
export async function timePaced(connection: KeptConnection, { goOn, pauseMs }: PacedOptions): Promise<number[]> {
  const grant = connection.encode("POST", "/v1/leases", JSON.stringify({ project: "victim", name: "web" }));
  const release = connection.encode("DELETE", "/v1/leases/by-name/victim/web");
  const times: number[] = [];
  while (goOn(times.length)) {
    const startedAt = performance.now();
    const answer = await connection.exchange(grant);
    times.push(performance.now() - startedAt);
    expect(201, answer);
    expect(204, await connection.exchange(release));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return times;
}
