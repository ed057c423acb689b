/** The lab itself: a router that really forwards, and lines that really change ports. */
import assert from "node:assert/strict";
import { within } from "../../src/wait.ts";
import { ADDRESSES, Lab, LAB_NEEDS } from "../support/os/lab.ts";
import type { LabHost } from "../support/os/lab/host.ts";
import type { LineMode } from "../support/os/lab/line.ts";
import { osTest } from "../support/os/requirement.ts";

const PORT = 8080;
const PATIENCE_MS = 30_000;
const { lan1, outside, internet } = ADDRESSES;
const BOTH = ["tcp", "udp"] as const;

osTest(
  "in a lab a service is reached from the LAN, and from the internet while the router maps it",
  LAB_NEEDS,
  async () => {
    await using lab = await Lab.open();
    await lab.router.start();
    await using _service = await lab.lan1.serve(PORT);
    assert.deepEqual(await lab.lan2.reach(lan1.ipv4, PORT), BOTH);
    assert.deepEqual(await lab.lan2.reach(lan1.ipv6, PORT), BOTH);
    assert.deepEqual(await lab.internet.reach(outside.ipv4, PORT), []);
    assert.deepEqual(await lab.internet.reach(lan1.ipv6, PORT), []);

    for (const protocol of BOTH) await mapByPcp(lab.lan1, protocol, 4000);
    assert.deepEqual(await lab.router.table(), [
      { family: "ipv4", protocol: "tcp", externalPort: 4000, internal: { address: lan1.ipv4, port: PORT } },
      { family: "ipv4", protocol: "udp", externalPort: 4000, internal: { address: lan1.ipv4, port: PORT } },
    ]);
    assert.deepEqual(await lab.internet.reach(outside.ipv4, 4000), BOTH);
    assert.equal(await lab.internet.ask(outside.ipv4, 4000, "udp"), "lan1");

    await lab.router.kill();
    assert.deepEqual(await lab.internet.reach(outside.ipv4, 4000), BOTH);
    await lab.router.reboot();
    assert.deepEqual(await lab.internet.reach(outside.ipv4, 4000), []);
  },
);

osTest("in a lab mappings end with their lifetimes, and with a flush of the router", LAB_NEEDS, async () => {
  await using lab = await Lab.open();
  await lab.router.start({ speaks: ["pcp"] });
  await using _service = await lab.lan1.serve(PORT, { protocols: ["tcp"] });
  await mapByPcp(lab.lan1, "tcp", 4000, 5);
  await lab.internet.untilReach(outside.ipv4, 4000, ["tcp"]);
  await lab.internet.untilGone(outside.ipv4, 4000);
  await mapByPcp(lab.lan1, "tcp", 4000, 600);
  await lab.internet.untilReach(outside.ipv4, 4000, ["tcp"]);
  await lab.router.flush();
  assert.deepEqual(await lab.internet.reach(outside.ipv4, 4000), []);
});

osTest("in a lab a host whose firewall drops by default is reached by nobody", LAB_NEEDS, async () => {
  await using lab = await Lab.open();
  await using _service = await lab.lan1.serve(PORT);
  await lab.lan1.dropByDefault();
  assert.deepEqual(await lab.lan2.reach(lan1.ipv4, PORT), []);
  assert.deepEqual(await lab.lan2.reach(lan1.ipv6, PORT), []);
});

osTest("in a lab each line changes ports in its own way", LAB_NEEDS, async () => {
  await using lab = await Lab.open();
  await using _stun = await lab.startStunServer();
  const isIn = (offset: number, length: number, psid: number) => (port: number) =>
    port >>> (16 - offset) > 0 && (port >>> (16 - offset - length)) % 2 ** length === psid;
  const lines: readonly [LineMode, number, string, (port: number, local: number, i: number) => boolean][] = [
    ["plain", 0, outside.ipv4, (port, local) => port === local],
    ["mape48", 52, outside.ipv4, isIn(4, 8, 52)],
    ["mape66", 37, outside.ipv4, isIn(6, 6, 37)],
    ["cgn", 20_000, "11.22.33.254", (port, _, i) => port === 20_000 + i],
    ["stride", 1024, "11.22.33.254", (port, _, i) => port === 5000 + 1024 * i],
    ["double", 0, "11.22.33.254", (port, local) => port === local],
    ["dslite", 0, "11.22.33.254", (port, local) => port !== local],
    ["fullrandom", 0, outside.ipv4, (port, local) => port !== local],
  ];
  for (const [mode, number, address, isExpected] of lines) {
    await lab.nat(mode, number);
    const seen = await askStun(lab.lan1, 12);
    assert.deepEqual([...new Set(seen.map((one) => one.address))], [address], mode);
    assert(
      seen.filter(({ local, port }, i) => isExpected(port, local, i)).length >= 11,
      `${mode}: ${JSON.stringify(seen)}`,
    );
  }
});

osTest("labs side by side know nothing of each other", LAB_NEEDS, async () => {
  await using one = await Lab.open();
  await using two = await Lab.open();
  await using _service = await one.lan1.serve(PORT);
  assert.deepEqual(await one.lan2.reach(lan1.ipv4, PORT), BOTH);
  assert.deepEqual(await two.lan2.reach(lan1.ipv4, PORT), []);
});

/** Asks the router for a mapping as a program without portd does (RFC 6887 section 11.1). */
async function mapByPcp(host: LabHost, protocol: "tcp" | "udp", externalPort: number, lifetimeS = 60): Promise<void> {
  const request = new Uint8Array(60);
  const view = new DataView(request.buffer);
  const address = lan1.ipv4.split(".").map(Number);
  request.set([2, 1]);
  view.setUint32(4, lifetimeS);
  request.set([0xff, 0xff, ...address], 18);
  request.fill(7, 24, 36); // the nonce
  request[36] = protocol === "tcp" ? 6 : 17;
  view.setUint16(40, PORT);
  view.setUint16(42, externalPort);
  request.set([0xff, 0xff], 54);
  const answer = await exchange(host, request, { hostname: ADDRESSES.router.ipv4, port: 5351 });
  assert.deepEqual([answer[0], answer[1], answer[3]], [2, 0x81, 0]);
}

/** Asks the STUN server from so many ports (RFC 8489). */
async function askStun(host: LabHost, count: number) {
  const seen = [];
  for (let i = 0; i < count; i++) {
    const request = new Uint8Array(20);
    request.set([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    request[19] = i;
    let local = 0;
    const answer = await exchange(host, request, {
      hostname: internet.ipv4[0],
      port: 3478,
      onBound: (port) => local = port,
    });
    const at = xorMappedAddress(answer);
    const port = (answer[at + 2]! << 8 | answer[at + 3]!) ^ 0x2112;
    const address = [0x21, 0x12, 0xa4, 0x42].map((mask, j) => answer[at + 4 + j]! ^ mask).join(".");
    seen.push({ local, port, address });
  }
  return seen;
}

/** Where the value of the attribute XOR-MAPPED-ADDRESS begins. */
function xorMappedAddress(answer: Uint8Array): number {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
  for (let at = 20; at + 4 <= answer.length; at += 4 + Math.ceil(view.getUint16(at + 2) / 4) * 4) {
    if (view.getUint16(at) === 0x20) return at + 4;
  }
  throw new Error("The STUN server tells no address");
}

async function exchange(
  host: LabHost,
  request: Uint8Array,
  { onBound, ...to }: { hostname: string; port: number; onBound?: (port: number) => void },
): Promise<Uint8Array> {
  const socket = openUdp(host);
  try {
    onBound?.((socket.addr as Deno.NetAddr).port);
    await socket.send(request, { transport: "udp", ...to });
    const received = await within(socket.receive(), PATIENCE_MS);
    assert(received !== undefined, `no answer from ${to.hostname}`);
    return received[0];
  } finally {
    socket.close();
  }
}

function openUdp(host: LabHost): Deno.DatagramConn {
  using _inside = host.enter();
  return Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
}
