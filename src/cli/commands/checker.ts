/** `portd checker`: serves checks of ports to other machines. */
import { splitAddress } from "../../settings.ts";
import type { Having } from "../answer.ts";
import { COMMON_FLAGS, defineCommand, parsedFlag, switchFlag } from "../command.ts";
import { readOr } from "../parse.ts";
import { untilSignal } from "../signals.ts";
import { addressText, writeJson, writeLine } from "../terminal.ts";

const FLAGS = {
  listen: parsedFlag("ADDRESS:PORT", "Where to listen (every address, port 7679)", parseListen),
  allowPrivate: switchFlag("Also serve callers with private and loopback addresses"),
  ...COMMON_FLAGS,
};

const FIELDS = ["addresses", "pid"] as const;

export default defineCommand({
  flags: FLAGS,
  answer: { fields: FIELDS },
  help: `Runs a checker until Ctrl-C, on a machine in the internet: portd check --via asks it whether a port can be
reached from outside. It dials the address from which it is asked and no other, and limits how often. It needs no
daemon, and must see its callers' own addresses: no proxy in front of it. docs/checker.md has the protocol.`,
  usage: [
    "[--listen ADDRESS:PORT] [--allow-private]",
    { input: "", brief: "on every address, port 7679, for callers from the internet" },
    { input: "--listen 192.168.1.20:7679 --allow-private", brief: "for machines of this network" },
  ],
  async run(context, flags) {
    const { listen, allowPrivate = false, json } = flags;
    const { stdout, stderr } = context.process;
    const serve = await context.loadChecker();
    await untilSignal(context, (signal) =>
      serve({
        listen,
        allowPrivate,
        signal,
        log: (line) => writeLine(stderr, `${new Date().toISOString()} ${line}`),
        onReady(addresses) {
          const texts = addresses.map(({ hostname, port }) => addressText(hostname, port));
          if (json) return writeJson(stdout, { addresses: texts, pid: Deno.pid } satisfies Having<typeof FIELDS>);
          writeLine(stderr, `checks ports of ${allowPrivate ? "all callers" : "callers from the internet"} at`);
          for (const text of texts) writeLine(stdout, text);
        },
      }));
  },
});

function parseListen(text: string): NonNullable<ReturnType<typeof splitAddress>> {
  return readOr(splitAddress(text), "an address like 0.0.0.0:7679 or [::]:7679");
}
