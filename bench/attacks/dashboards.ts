/** 100 readers of events that take all that comes, as so many open dashboards do. */
import { count, runAttack } from "./attack.ts";

const READERS = 100;
const EVENT = new TextEncoder().encode("\nevent: ");

if (import.meta.main) {
  await runAttack(async ({ port, isOver, ready, counts }) => {
    const request = new TextEncoder().encode(`GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    const readers = await Promise.all(Array.from({ length: READERS }, async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(request);
      return connection;
    }));
    ready();
    const reading = readers.map(async (connection, i) => {
      const buffer = new Uint8Array(1 << 17);
      for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
        count(counts, "bytes read", length);
        if (i === 0) count(counts, "events seen by one", eventsIn(buffer.subarray(0, length)));
      }
      count(counts, "dropped");
    });
    while (!isOver()) await Promise.race([...reading, new Promise((resolve) => setTimeout(resolve, 200))]);
  });
}

/** About how many events begin in these bytes. */
function eventsIn(bytes: Uint8Array): number {
  let events = 0;
  for (let at = bytes.indexOf(EVENT[0]!); at !== -1; at = bytes.indexOf(EVENT[0]!, at + 1)) {
    if (EVENT.every((byte, i) => bytes[at + i] === byte)) events++;
  }
  return events;
}
