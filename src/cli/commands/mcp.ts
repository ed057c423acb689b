/** `portd mcp`: portd for agents, over the Model Context Protocol. */
import { COMMON_FLAGS, defineCommand, switchFlag } from "../command.ts";

export default defineCommand({
  flags: { allowFree: switchFlag("Also the tool free, which ends servers"), ...COMMON_FLAGS },
  help:
    `Serves the Model Context Protocol on stdin and stdout, for an agent that starts it: the tools lease, release, list,
inspect, wait, env and url, for the working copy in which it runs. Each answers what the command of that name prints with
--json. portd agent init enters it into the settings of agents.`,
  usage: ["[--allow-free]"],
  async run(context, { allowFree = false }) {
    const { serveMcp }: typeof import("../agent/mcp.ts") = await import("../agent/mcp.ts" as string);
    await serveMcp(context, { allowFree });
  },
});
