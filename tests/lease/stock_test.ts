import assert from "node:assert/strict";
import { Pool } from "../../src/lease/pool.ts";
import { Stock } from "../../src/lease/stock.ts";

const PORT = 20000;

Deno.test("putBack() withholds only what was taken: the other protocol may be another's since", () => {
  const pool = new Pool([PORT, PORT + 1]), stock = new Stock(pool, 60_000);
  stock.take(PORT, ["tcp", "udp"]);
  stock.cool(PORT, ["tcp", "udp"], 0, null);
  const withheld = stock.take(PORT, ["tcp"]);
  stock.take(PORT, ["udp"]);
  stock.putBack(PORT, ["tcp"], withheld);
  stock.expire(60_000);
  assert.deepEqual([pool.isFree(PORT, ["tcp"]), pool.isFree(PORT, ["udp"])], [true, false]);
});

Deno.test("putBack() withholds a port again until the time that it had", () => {
  const pool = new Pool([PORT]), stock = new Stock(pool, 60_000);
  stock.take(PORT, ["tcp", "udp"]);
  stock.cool(PORT, ["tcp", "udp"], 0, "a/web");
  stock.putBack(PORT, ["tcp"], stock.take(PORT, ["tcp"]));
  assert.equal(stock.isFreeFor("a/web", PORT, ["tcp", "udp"]), true);
  assert.equal(stock.isFreeFor("a/api", PORT, ["tcp"]), false);
  assert.equal(stock.expire(59_999), false);
  assert.equal(stock.expire(60_000), true);
  assert.equal(pool.isFree(PORT, ["tcp", "udp"]), true);
});
