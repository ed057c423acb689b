import assert from "node:assert/strict";
import { Pool } from "../../src/lease/pool.ts";
import { AvailablePorts } from "../../src/lease/available_ports.ts";

const PORT = 20000;

Deno.test("putBack() withholds only what was taken: the other protocol may be another's since", () => {
  const pool = new Pool([PORT, PORT + 1]), available = new AvailablePorts(pool, 60_000);
  available.take(PORT, ["tcp", "udp"]);
  available.cool(PORT, ["tcp", "udp"], 0, null);
  const withheld = available.take(PORT, ["tcp"]);
  available.take(PORT, ["udp"]);
  available.putBack(PORT, ["tcp"], withheld);
  available.expire(60_000);
  assert.deepEqual([pool.isFree(PORT, ["tcp"]), pool.isFree(PORT, ["udp"])], [true, false]);
});

Deno.test("putBack() withholds a port again until the time that it had", () => {
  const pool = new Pool([PORT]), available = new AvailablePorts(pool, 60_000);
  available.take(PORT, ["tcp", "udp"]);
  available.cool(PORT, ["tcp", "udp"], 0, "a/web");
  available.putBack(PORT, ["tcp"], available.take(PORT, ["tcp"]));
  assert.equal(available.isFreeFor("a/web", PORT, ["tcp", "udp"]), true);
  assert.equal(available.isFreeFor("a/api", PORT, ["tcp"]), false);
  assert.equal(available.expire(59_999), false);
  assert.equal(available.expire(60_000), true);
  assert.equal(pool.isFree(PORT, ["tcp", "udp"]), true);
});
