import assert from "node:assert/strict";
import { forwarderOf } from "../../src/process/forwarder.ts";

const TCP_8080 = { protocol: "tcp", port: 8080, address: "0.0.0.0" } as const;
const UDP_8080 = { ...TCP_8080, protocol: "udp" } as const;

function target(command: string, endpoint: Parameters<typeof forwarderOf>[1] = TCP_8080): string | null | undefined {
  const target = forwarderOf({ command }, endpoint)?.target;
  return target ? `${target.address} ${target.port}` : target;
}

Deno.test("docker-proxy has the container's address and port in its flags, in any form", () => {
  const proxy = "/usr/bin/docker-proxy";
  const args = "-proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80";
  assert.deepEqual(forwarderOf({ command: `${proxy} ${args}` }, TCP_8080), {
    program: "docker-proxy",
    target: { address: "172.17.0.2", port: 80 },
  });
  const cases: readonly (readonly [string, string | null])[] = [
    [`${proxy} ${args} -use-listen-fd`, "172.17.0.2 80"],
    [`docker-proxy -use-listen-fd ${args}`, "172.17.0.2 80"],
    ["docker-proxy --proto=tcp --host-port=8080 --container-ip=fd00::2 --container-port=80", "fd00::2 80"],
    ["docker-proxy -host-port 8080 -container-ip 172.17.0.2 -container-port 80", "172.17.0.2 80"],
    [`/usr/bin/rootlesskit-docker-proxy ${args}`, "172.17.0.2 80"],
    [args.replace("8080", "8081").replace(/^/, "docker-proxy "), null],
    [args.replace("tcp", "udp").replace(/^/, "docker-proxy "), null],
    ["docker-proxy -proto tcp -host-port 8080 -container-ip 172.17.0.2 -container-port 8…", null],
    ["docker-proxy -proto tcp -host-port 8080 -container-ip 172.17.0.2 -container-port", null],
    ["docker-proxy", null],
  ];
  for (const [command, expected] of cases) assert.equal(target(command), expected, command);
});

Deno.test("pasta has the port inside the container in its arguments", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["/usr/bin/pasta --config-net -t 8080:80 -u none -T none -U none --netns /run/netns/c1", "localhost 80"],
    ["/usr/bin/pasta.avx2 -t 8080-8080:80-80 --no-map-gw", "localhost 80"],
    ["pasta -t8080", "localhost 8080"],
    ["pasta --tcp-ports=22,8000-8090:9000-9090", "localhost 9080"],
    ["passt --tcp-ports 0.0.0.0/8080:80", "localhost 80"],
    ["pasta -t 127.0.0.1/8080:81 -t 0.0.0.0%eth0/8080:80", "localhost 80"],
    ["pasta -t 127.0.0.1/8080:80", null],
    ["pasta -t 8000-8090,~8080-8081", null],
    ["pasta -t 8000-8010:80-90", null],
    ["pasta -T 8080:80", null],
    ["pasta -u 8080:80", null],
    ["pasta -t auto", null],
    ["pasta -t 8080:80…", null],
    ["pasta -t", null],
    ["pasta", null],
  ];
  for (const [command, expected] of cases) assert.equal(target(command), expected, command);
  assert.equal(target("pasta -t 8080:80 -u 8080:53", UDP_8080), "localhost 53");
  assert.equal(target("pasta -t [::1]/8080:80", { ...TCP_8080, address: "::1" }), "localhost 80");
});

Deno.test("rootlesskit has the ports that it publishes at the start in its arguments, and none of the later ones", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["rootlesskit --net=slirp4netns --port-driver=builtin -p 0.0.0.0:8080:80/tcp bash", "localhost 80"],
    ["rootlesskit --publish=8080:10.0.2.100:80/tcp4 bash", "10.0.2.100 80"],
    ["rootlesskit -p [::1]:8080:80/tcp -p 0.0.0.0:8080:[fd00::2]:81/tcp", "fd00::2 81"],
    ["rootlesskit -p 127.0.0.1:8080:80/tcp", null],
    ["rootlesskit -p 0.0.0.0:8080:80/udp", null],
    ["rootlesskit --net=slirp4netns --port-driver=builtin dockerd-rootless.sh", null],
  ];
  for (const [command, expected] of cases) assert.equal(target(command), expected, command);
});

Deno.test("programs that get their ports after the start are recognised by name", () => {
  const cases = [
    ["rootlessport", "rootlessport"],
    ["/usr/libexec/podman/rootlessport-child", "rootlessport-child"],
    ["/usr/bin/slirp4netns --disable-host-loopback --mtu=65520 -r 3 --netns-type=path /run/netns/c1", "slirp4netns"],
    ["/usr/bin/conmon --api-version 1 -c 5f2a -u 5f2a -r /usr/bin/crun", "conmon"],
    ["/Applications/Docker.app/Contents/MacOS/com.docker.vpnkit --ethernet fd:3", "com.docker.vpnkit"],
    ["vpnkit.exe --ethernet hyperv-connect", "vpnkit"],
    ["/Applications/Docker.app/Contents/MacOS/com.docker.backend services", "com.docker.backend"],
    [String.raw`"C:\Program Files\Docker\Docker\resources\com.docker.backend.exe" services`, "com.docker.backend"],
    [String.raw`C:\Program Files\Docker\Docker\resources\com.docker.backend.exe services`, "com.docker.backend"],
    [String.raw`"C:\Program Files\WSL\WSLRelay.exe" --mode 2 --vm-id {1}`, "wslrelay"],
    ["/usr/local/bin/kube-proxy --config=/var/lib/kube-proxy/config.conf", "kube-proxy"],
    ["/opt/podman/bin/gvproxy -mtu 1500 -ssh-port 50321", "gvproxy"],
  ] as const;
  for (const [command, program] of cases) {
    assert.deepEqual(forwarderOf({ command }, TCP_8080), { program, target: null }, command);
  }
});

Deno.test("a program is not recognised by its arguments or the names of its folders", () => {
  const commands = [
    "node docker-proxy.js -host-port 8080 -container-ip 172.17.0.2 -container-port 80",
    "node /srv/docker-proxy -proto tcp",
    "/srv/docker-proxy/server",
    "/usr/bin/docker-proxy-exporter",
    "my-docker-proxy",
    String.raw`C:\Program Files\nodejs\node.exe C:\tools\wslrelay.exe`,
    String.raw`"C:\wslrelay.exe\node" x`,
    "python3 -m pasta",
    "dockerd",
    "[kworker/0:1]",
    "",
    " ",
  ];
  for (const command of commands) assert.equal(forwarderOf({ command }, TCP_8080), undefined, command);
  assert.equal(forwarderOf({ command: null }, TCP_8080), undefined);
});
