import assert from "node:assert/strict";
import fc from "fast-check";
import type { Line } from "../../src/line/line.ts";
import { chooseExternalPort, foldRanges } from "../../src/line/port_choice.ts";
import { DIVISIONS, portsOf } from "../../src/line/port_sets.ts";
import { isWithin } from "../../src/port/port.ts";

type Known = Pick<Line, "verdict" | "portSet" | "usable" | "externalAddress">;

const MINECRAFT = 25565;
const UNRESTRICTED: Known = { verdict: "unrestricted", portSet: null, usable: null, externalAddress: "198.51.100.7" };
const SHARED: Known = { verdict: "shared", portSet: null, usable: [], externalAddress: "198.51.100.7" };

function mapE(psid: number, [division] = DIVISIONS): Known {
  const portSet = { ...division!, psid };
  return { verdict: "map-e", portSet, usable: portsOf(portSet), externalAddress: "198.51.100.7" };
}

Deno.test("25565 is granted for PSID 61, and refused with alternatives for the other 255", () => {
  for (let psid = 0; psid < 256; psid++) {
    const choice = chooseExternalPort(mapE(psid), MINECRAFT, MINECRAFT);
    if (psid === 61) {
      assert.deepEqual(choice, { port: MINECRAFT });
      continue;
    }
    assert.ok(choice.port === null, `PSID ${psid}`);
    assert.match(choice.reason, new RegExp(`^25565 exists only for PSID 61; yours is ${psid}: usable are \\d+-\\d+, `));
    assert.ok(isWithin(mapE(psid).usable!, choice.suggestion!));
    assert.ok(choice.alternatives.some((text) => text.includes(`--external ${choice.suggestion}`)));
    for (const way of ["--ipv6", "leave --external out", "fixed address", "relay"]) {
      assert.ok(choice.alternatives.some((text) => text.includes(way)), way);
    }
  }
});

Deno.test("the refusal names the first ports that the line has", () => {
  const choice = chooseExternalPort(mapE(17), MINECRAFT, MINECRAFT);
  assert.ok(choice.port === null);
  assert.equal(
    choice.reason,
    "25565 exists only for PSID 61; yours is 17: usable are 4368-4383, 8464-8479, 12560-12575 and 12 more ranges",
  );
});

Deno.test("a port that nobody on a line with MAP-E has is refused as such", () => {
  const choice = chooseExternalPort(mapE(17), 443, 8443);
  assert.ok(choice.port === null);
  assert.match(choice.reason, /^443 exists for nobody on this line, as no port below 4096 does: usable are 4368-4383/);
});

Deno.test("on a line that shares its address no port is granted, and no port of it is proposed", () => {
  for (const wanted of [null, 8080]) {
    const choice = chooseExternalPort(SHARED, wanted, 8080);
    assert.ok(choice.port === null);
    assert.equal(choice.suggestion, null);
    assert.match(choice.reason, /shares 198\.51\.100\.7 with other subscribers/);
    assert.ok(choice.alternatives.every((text) => !text.includes("--external")));
    assert.ok(choice.alternatives.some((text) => text.includes("--ipv6")));
  }
});

Deno.test("where every port can be had, or nothing is known, the wanted port is chosen, else the internal one", () => {
  for (const line of [UNRESTRICTED, undefined]) {
    assert.deepEqual(chooseExternalPort(line, 80, 8080), { port: 80 });
    assert.deepEqual(chooseExternalPort(line, null, 8080), { port: 8080 });
    const other = chooseExternalPort(line, null, 8080, { isTaken: (port) => port === 8080 });
    assert.ok(other.port !== null && other.port !== 8080 && other.port >= 1024);
  }
});

Deno.test("any port on a line with MAP-E is one of its ports, the same again, and none that is taken", () => {
  const division = fc.constantFrom(...DIVISIONS);
  const port = fc.integer({ min: 1, max: 65535 });
  fc.assert(fc.property(division, fc.nat(), port, (each, seed, internalPort) => {
    const line = mapE(seed % 2 ** each.length, [each]);
    const first = chooseExternalPort(line, null, internalPort);
    assert.ok(first.port !== null && isWithin(line.usable!, first.port));
    assert.deepEqual(chooseExternalPort(line, null, internalPort), first);
    const second = chooseExternalPort(line, null, internalPort, { isTaken: (port) => port === first.port });
    assert.ok(second.port !== null && second.port !== first.port && isWithin(line.usable!, second.port));
    if (isWithin(line.usable!, internalPort)) assert.equal(first.port, internalPort);
  }));
});

Deno.test("neighbouring internal ports get different external ones", () => {
  const chosen = Array.from({ length: 200 }, (_, i) => chooseExternalPort(mapE(200), null, 30000 + i).port);
  assert.equal(new Set(chosen).size, 200);
});

Deno.test("where every usable port is taken one is chosen all the same: the router has the last word", () => {
  const choice = chooseExternalPort(mapE(3), null, 8080, { isTaken: () => true });
  assert.ok(choice.port !== null && isWithin(mapE(3).usable!, choice.port));
});

Deno.test("foldRanges() says how many ranges are left out", () => {
  const ranges = [{ first: 1, last: 1 }, { first: 3, last: 4 }, { first: 6, last: 7 }, { first: 9, last: 9 }];
  assert.equal(foldRanges(ranges), "1, 3-4, 6-7 and 1 more range");
  assert.equal(foldRanges(ranges, 4), "1, 3-4, 6-7, 9");
});
