/**
 * 2,000 readers of events that want everything that is kept and read nothing; all of them leave and come again, each
 * time that two seconds are over.
 */
import { count, inLanes, isCut, runAttack } from "./attack.ts";

const READERS = 2000, LANES = 64;
const STAY_MS = 2000;

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    const lastEventId = Deno.args[2]!;
    const request = new TextEncoder().encode(
      `GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nLast-Event-ID: ${lastEventId}\r\n\r\n`,
    );
    const open: Deno.TcpConn[] = [];
    while (!isOver()) {
      let left = READERS;
      await inLanes(LANES, async () => {
        while (left-- > 0) {
          try {
            const connection = await Deno.connect({ hostname: "127.0.0.1", port });
            open.push(connection);
            await connection.write(request);
            count(counts, "slow readers");
          } catch (error) {
            if (!isCut(error)) throw error;
            count(counts, "cut off");
          }
        }
        ready();
      });
      await new Promise((resolve) => setTimeout(resolve, STAY_MS));
      for (const connection of open.splice(0)) connection.close();
    }
  });
}
