/**
 * One process of bind0.ts: waits for a line on stdin, then lets the kernel choose ports, by bind(0) and by connect(),
 * and prints them as JSON.
 *
 * Arguments: rounds, port of a listener on 127.0.0.1.
 */

/** The ports that the kernel chose. */
export interface Chosen {
  readonly bound: readonly number[];
  readonly connected: readonly number[];
}

const ADDRESSES = ["127.0.0.1", "0.0.0.0", "::1", "::"];

async function choose(rounds: number, sink: number): Promise<Chosen> {
  const bound: number[] = [], connected: number[] = [];
  for (let round = 0; round < rounds; round++) {
    using listener = Deno.listen({ hostname: ADDRESSES[round % ADDRESSES.length]!, port: 0 });
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: sink });
    bound.push((listener.addr as Deno.NetAddr).port);
    connected.push((connection.localAddr as Deno.NetAddr).port);
  }
  return { bound, connected };
}

if (import.meta.main) {
  await Deno.stdin.read(new Uint8Array(1));
  console.log(JSON.stringify(await choose(Number(Deno.args[0]), Number(Deno.args[1]))));
}
