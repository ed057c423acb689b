import assert from "node:assert/strict";
import { GenericHolds } from "../../src/hold/generic.ts";
import type { Holds } from "../../src/hold/hold.ts";
import { LinuxHolds } from "../../src/hold/linux/holds.ts";
import { openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import { freePort, listen } from "../support/sockets.ts";

const linux = Deno.build.os === "linux";
const tcp = { protocols: ["tcp"], hold: "soft" } as const;

function openLinuxHolds(): LinuxHolds {
  const libc = openLibc();
  return new LinuxHolds({ libc, procfs: new Procfs(libc) });
}

/** The promises that every implementation keeps. */
function conformance(name: string, open: () => Holds, ignore: boolean) {
  const test = (sentence: string, body: (holds: Holds) => void | Promise<void>) =>
    Deno.test({
      name: `${name} ${sentence}`,
      ignore,
      async fn() {
        const holds = open();
        try {
          await body(holds);
        } finally {
          holds.releaseAll();
        }
      },
    });

  test("grant a free port for TCP, UDP and both", (holds) => {
    for (const protocols of [["tcp"], ["udp"], ["tcp", "udp"]] as const) {
      const port = freePort();
      assert.equal(holds.claim(port, { protocols, hold: "none" }).obstacle, undefined);
    }
  });

  for (const hostname of ["0.0.0.0", "127.0.0.1", "::", "::1"]) {
    test(`refuse a TCP port that somebody listens on at ${hostname}`, (holds) => {
      using server = listen(0, hostname);
      assert.deepEqual(holds.claim(server.port, tcp).obstacle, { reason: "in_use", protocol: "tcp" });
    });
    test(`refuse a UDP port that somebody is bound to at ${hostname}`, (holds) => {
      const socket = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
      try {
        const { port } = socket.addr as Deno.NetAddr;
        const claim = holds.claim(port, { protocols: ["udp"], hold: "none" });
        assert.deepEqual(claim.obstacle, { reason: "in_use", protocol: "udp" });
      } finally {
        socket.close();
      }
    });
  }

  test("find a port of the kernel's for TCP, UDP and both", (holds) => {
    for (const protocols of [["tcp"], ["udp"], ["tcp", "udp"]] as const) {
      const claim = holds.claimAny({ protocols, hold: "soft" });
      assert.ok(claim.obstacle === undefined && claim.port > 0);
    }
  });

  test("let a server listen on a claimed port", (holds) => {
    const port = freePort();
    assert.equal(holds.claim(port, tcp).obstacle, undefined);
    using server = listen(port, "0.0.0.0");
    assert.equal(server.port, port);
  });

  test("release what was never held without complaint", (holds) => {
    holds.release(freePort());
    assert.equal(holds.size, 0);
  });
}

conformance("generic holds", () => new GenericHolds(), false);
conformance("Linux holds", openLinuxHolds, !linux);

Deno.test({
  name: "a soft hold keeps the port from a second claim and from another portd",
  ignore: !linux,
  fn() {
    const ours = openLinuxHolds(), theirs = openLinuxHolds();
    const port = freePort();
    assert.deepEqual(ours.claim(port, tcp), { port, hold: "soft" });
    assert.equal(theirs.claim(port, tcp).obstacle?.reason, "in_use");
    assert.equal(theirs.claim(port, { ...tcp, named: true }).obstacle?.reason, "in_use");
    ours.release(port);
    assert.deepEqual(theirs.claim(port, tcp), { port, hold: "soft" });
    theirs.releaseAll();
  },
});

Deno.test({
  name: "the kernel gives no held port to bind(0)",
  ignore: !linux,
  fn() {
    const holds = openLinuxHolds();
    for (let i = 0; i < 1000; i++) assert.equal(holds.claimAny(tcp).obstacle, undefined);
    for (let i = 0; i < 500; i++) {
      using server = listen();
      assert.equal(holds.has(server.port), false);
    }
    holds.releaseAll();
  },
});

Deno.test({
  name: "a soft hold is taken again beside nobody and not beside a listener",
  ignore: !linux,
  fn() {
    const holds = openLinuxHolds();
    const port = freePort();
    {
      using _server = listen(port);
      assert.equal(holds.retake(port), false);
      assert.equal(holds.has(port), false);
    }
    assert.equal(holds.retake(port), true);
    assert.equal(holds.retake(port), true);
    assert.deepEqual([holds.has(port), holds.size], [true, 1]);
    holds.releaseAll();
    assert.equal(holds.size, 0);
  },
});

/** Leaves a socket in TIME_WAIT at the server's side of the port. */
async function leaveTimeWait(): Promise<number> {
  const { port, listener } = listen();
  const [server, client] = await Promise.all([listener.accept(), Deno.connect({ hostname: "127.0.0.1", port })]);
  server.close(); // who closes first waits
  await client.read(new Uint8Array(1));
  client.close();
  listener.close();
  return port;
}

Deno.test({
  name: "a port in TIME_WAIT is granted by number and not otherwise, and not beside the hold of another",
  ignore: !linux,
  async fn() {
    const holds = openLinuxHolds(), theirs = openLinuxHolds();
    const port = await leaveTimeWait();
    assert.equal(holds.claim(port, tcp).obstacle?.reason, "in_use");
    assert.deepEqual(holds.claim(port, { ...tcp, named: true }), { port, hold: "soft" });
    assert.equal(theirs.claim(port, { ...tcp, named: true }).obstacle?.reason, "in_use");
    holds.releaseAll();
    assert.deepEqual(theirs.claim(port, { ...tcp, named: true }), { port, hold: "soft" });
    theirs.releaseAll();
  },
});
