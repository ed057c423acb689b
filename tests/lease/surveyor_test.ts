/** How often the ports are looked at to say why none of them could be granted. */
import assert from "node:assert/strict";
import type { Survey } from "../../src/lease/candidates.ts";
import { LeaseTable } from "../../src/lease/lease_table.ts";
import { Surveyor } from "../../src/lease/surveyor.ts";
import type { Wish } from "../../src/lease/wish.ts";
import { FakeClock } from "../support/clock.ts";

const COUNTS = { free: 0, leased: 1, used: 0, cooling: 0, excluded: 0, privileged: 0 };
const NONE = { free: [], leased: [], used: [], cooling: [], excluded: [], privileged: [] };
const SURVEY: Survey = { size: 1, counts: COUNTS, examples: NONE, retryAt: null };

function demand(last: number) {
  const wish: Wish = { name: null, prefer: [], range: { first: 3000, last }, pool: "default", protocols: ["tcp"] };
  return { wish, asked: 1, contiguous: false, waitMs: 0 };
}

Deno.test("refusals of the same ports at the same moment share one look at them", () => {
  const looks: (number | undefined)[] = [], clock = new FakeClock();
  const allocator = {
    survey({ range }: Wish) {
      looks.push(range?.last);
      return SURVEY;
    },
  };
  const surveyor = new Surveyor({ allocator, clock, privilegedBelow: 0 }), table = new LeaseTable();
  for (let i = 0; i < 1000; i++) assert.equal(surveyor.shortageOf(demand(3005), table)?.counts.leased, 1);
  assert.deepEqual(looks, [3005]);
  surveyor.shortageOf(demand(3006), table);
  assert.deepEqual(looks, [3005, 3006], "other ports");
  clock.advance(100);
  surveyor.shortageOf(demand(3006), table);
  assert.deepEqual(looks, [3005, 3006, 3006], "another moment");
});
