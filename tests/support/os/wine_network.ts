/** What a Windows says of its network: to portd, to ipconfig and to route. Run by deno.exe; prints JSON. */
import { openNetworkReader } from "../../../src/adapters/open.ts";

async function outputOf(name: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(`C:\\windows\\system32\\${name}.exe`, { args: [...args] }).output();
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const facts = await openNetworkReader().read();
  console.log(JSON.stringify({ facts, ipconfig: await outputOf("ipconfig", "/all") }));
}
