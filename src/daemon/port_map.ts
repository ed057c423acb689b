/** The map of all ports: most daemons are never asked for it, so it is loaded when it is first read. */
import type { PortMapParts, PortMapReader } from "../inspect/port_map_reader.ts";

/** Opens the map. */
export function openPortMap(parts: PortMapParts): Pick<PortMapReader, "read" | "recent"> {
  let opening: Promise<PortMapReader> | undefined;
  const open = () => opening ??= openReader(parts);
  return { read: async () => await (await open()).read(), recent: async () => await (await open()).recent() };
}

async function openReader(parts: PortMapParts): Promise<PortMapReader> {
  const { PortMapReader }: typeof import("../inspect/port_map_reader.ts") = await load("reader");
  return new PortMapReader(parts);
}

/** main.ts says why the import chooses. */
function load(part: "reader") {
  return import(part === "reader" ? "../inspect/port_map_reader.ts" : "../inspect/draw_map.ts");
}
