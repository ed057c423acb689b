import assert from "node:assert/strict";
import { parseAddress, parseSocketTable } from "../../src/os/linux/socket_table.ts";

const HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
/** Captured from a machine with a listener, a connection and a socket in TIME_WAIT. */
const TCP = HEADING +
  "   0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0000000000000000 100 0 0 10 0\n" +
  "   1: 0100007F:4E20 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000000000000000 20 4 30 10 -1\n" +
  "   2: 0100007F:4E20 0100007F:C351 06 00000000:00000000 03:00000C5F 00000000     0        0 0 3 0000000000000000\n";
const TCP6 = HEADING +
  "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 777 1 0000000000000000 100 0 0 10 0\n" +
  "   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:D2F0 08 00000000:00000000 00:00000000 00000000  1000        0 778 1 0000000000000000 100 0 0 10 0\n";
const UDP =
  "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n" +
  "  581: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0000000000000000 0\n";

Deno.test("parseSocketTable() reads listeners, connections and waits of IPv4", () => {
  const rows = [...parseSocketTable(TCP, "tcp")];
  assert.deepEqual(rows[0], {
    protocol: "tcp",
    family: 4,
    localAddress: "127.0.0.1",
    localPort: 20000,
    remoteAddress: "0.0.0.0",
    remotePort: 0,
    state: "LISTEN",
    uid: 1000,
    inode: 12345,
    pid: null,
  });
  assert.deepEqual(rows.map(({ state, remotePort, inode }) => [state, remotePort, inode]), [
    ["LISTEN", 0, 12345],
    ["ESTABLISHED", 50000, 12346],
    ["TIME_WAIT", 50001, 0],
  ]);
});

Deno.test("parseSocketTable() reads IPv6, mapped addresses and UDP", () => {
  const rows = [...parseSocketTable(TCP6, "tcp"), ...parseSocketTable(UDP, "udp")];
  assert.deepEqual(rows.map(({ family, localAddress, localPort, state }) => [family, localAddress, localPort, state]), [
    [6, "::1", 8080, "LISTEN"],
    [6, "::ffff:127.0.0.1", 8080, "CLOSE_WAIT"],
    [4, "0.0.0.0", 68, ""],
  ]);
});

Deno.test("parseSocketTable() gives only what is wanted and passes over what is no row", () => {
  const wanted = (port: number, state: string) => port === 20000 && state === "LISTEN";
  assert.equal([...parseSocketTable(TCP, "tcp", wanted)].length, 1);
  for (const text of ["", HEADING, "no table", `${HEADING}   0: cut off`, `${HEADING}\n\n`]) {
    assert.deepEqual([...parseSocketTable(text, "tcp")], []);
  }
});

Deno.test("parseAddress() writes IPv6 as RFC 5952 has it", () => {
  const cases = [
    ["00000000000000000000000000000000", "::"],
    ["B80D0120000000000000000001000000", "2001:db8::1"],
    ["000080FE00000000FF57FD0200FEBA12", "fe80::2fd:57ff:12ba:fe00"],
    ["B80D0120000001000000010001000100", "2001:db8:1:0:1:0:1:1"],
  ] as const;
  for (const [hex, text] of cases) assert.equal(parseAddress(hex), text);
});
