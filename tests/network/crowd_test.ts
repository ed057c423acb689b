import assert from "node:assert/strict";
import { LinuxCrowd } from "../../src/network/linux/crowd.ts";
import { type Libc, openLibc } from "../../src/os/linux/libc.ts";
import { linuxTest } from "../support/linux_only.ts";

const CONNECTIONS = 100;

/** The C library with another limit of open files. */
function withLimit(libc: Libc, openFiles: number): Libc {
  const getrlimit: Libc["getrlimit"] = (_resource, limit) => {
    (limit as BigUint64Array).fill(BigInt(openFiles));
    return 0;
  };
  return { ...libc, getrlimit };
}

/** What comes back over a connection: an answer, or nothing where it was cut. */
async function answerOf(connection: Deno.Conn): Promise<string> {
  try {
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    const buffer = new Uint8Array(1024);
    const count = await connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0)).slice(0, 12);
  } catch (error) {
    const isCut = error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
    if (isCut) return "";
    throw error;
  }
}

linuxTest("relieve() cuts connections until half the reserve is free, reports whose, and serves the rest", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("served"));
  const { port } = server.addr;
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  const answers = async () => await Promise.all(connections.map(answerOf));
  assert.ok((await answers()).every((answer) => answer === "HTTP/1.1 200"));
  const logged: string[] = [];
  const libc = openLibc(), open = Deno.statSync("/proc/self/fd").size;
  const crowd = new LinuxCrowd(withLimit(libc, open + 30), (line) => logged.push(line));
  crowd.watch(port);
  await crowd.relieve();
  crowd.stop();
  const served = (await answers()).filter((answer) => answer === "HTTP/1.1 200").length;
  assert.ok(served > 0 && served < CONNECTIONS / 2, `${served} are left`);
  assert.match(
    logged.join("\n"),
    new RegExp(`^cut ${CONNECTIONS - served} of ${CONNECTIONS} connections.*user \\d+$`),
  );
  for (const connection of connections) connection.close();
});
