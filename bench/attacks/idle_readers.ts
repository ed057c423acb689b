/** 30,000 attempts to read events, 64 at a time; who is let in stays and waits for events. */
import { count, inLanes, isCut, runAttack } from "./attack.ts";

const ATTEMPTS = 30_000, LANES = 64;

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    const request = new TextEncoder().encode(`GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    let left = ATTEMPTS;
    ready();
    await inLanes(LANES, async () => {
      const buffer = new Uint8Array(4096);
      while (left-- > 0 && !isOver()) {
        try {
          const connection = await Deno.connect({ hostname: "127.0.0.1", port });
          await connection.write(request);
          const length = await connection.read(buffer);
          const isIn = new TextDecoder().decode(buffer.subarray(0, length ?? 0)).startsWith("HTTP/1.1 200");
          count(counts, isIn ? "let in" : "refused");
          if (!isIn) connection.close();
        } catch (error) {
          if (!isCut(error)) throw error;
          count(counts, "cut off");
        }
      }
    });
  });
}
