/** `portd lease`: its help. src/cli/lease_flags.ts has its flags, src/cli/lease.ts does the work. */
import { LEASE_FIELDS } from "../answer.ts";
import { defineCommand, SERVICE_NAME } from "../command.ts";
import { lease } from "../lease.ts";
import { LEASE_FLAGS } from "../lease_flags.ts";

export default defineCommand({
  flags: LEASE_FLAGS,
  args: [{ ...SERVICE_NAME, optional: true }],
  answer: { fields: LEASE_FIELDS, list: "leases" },
  help: `Leases a port and prints it; several ports are printed one per line. Asking again for the same name in the
same checkout gives the same port. A service of this name in the project's portd.yaml says what is asked of its port,
where the flags do not. Without --ttl, --pid or --pin a server must listen on the port within ten minutes;
the lease then lives as long as that server listens.`,
  usage: [
    "[NAME] [--port N] [--prefer N,N] [--range A-B] [--udp|--both] [--count N|--block N] " +
    "[--ttl 30m|--pid PID|--pin] [--hold soft|none] [--label k=v]... [--wait 30s] [--env VAR] [--json]",
    { input: "web", brief: "a port for web of this project: PORT=$(portd lease web) npm run dev" },
    { input: "web --prefer 5173,3000 --env PORT", brief: "one of these if it is free; prints PORT=5173" },
    { input: "--ttl 30m --count 3 --label job=1234", brief: "three ports for half an hour" },
    { input: "--block 10 --range 3000-3999", brief: "ten ports in a row from a range" },
    { input: "dns --both --port 5353 --pin", brief: "one port by its number, TCP and UDP, until it is released" },
  ],
  run: lease,
});
