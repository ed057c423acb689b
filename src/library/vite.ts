/**
 * A plugin for Vite: its dev server and its preview listen on a leased port, and on no other.
 *
 * @example
 * ```ts
 * import { defineConfig } from "vite";
 * import { vitePlugin } from "./portd.ts";
 *
 * export default defineConfig({ plugins: [vitePlugin("web")] });
 * ```
 */
import { lease, type LeaseOptions } from "./lease.ts";
import { portVariable } from "../project/project.ts";
import { variable } from "./runtime.ts";

/** The part of Vite's configuration that is read and set. */
export interface ViteConfig {
  readonly server?: { readonly middlewareMode?: unknown; readonly hmr?: unknown } | undefined;
}

/** What the plugin sets: `strictPort` keeps Vite from taking the next port, which would be another lease's. */
export interface PortSettings {
  readonly server?: { readonly port: number; readonly strictPort: true } | { readonly hmr: { readonly port: number } };
  readonly preview?: { readonly port: number; readonly strictPort: true };
}

/** A plugin, as Vite takes it. */
export interface VitePlugin {
  readonly name: "portd";
  config(
    config: ViteConfig,
    env: { readonly command: "build" | "serve"; readonly isPreview?: boolean | undefined },
  ): Promise<PortSettings | undefined>;
}

/**
 * The port is leased for this process and ends with it, also when Vite starts its server again. Under `portd run` the port
 * is the one that the command has got. A server in middleware mode listens on no port itself; its hot reload then gets a
 * leased port.
 *
 * @param name is the service's.
 */
export function vitePlugin(name = "web", options: LeaseOptions = {}): VitePlugin {
  return {
    name: "portd",
    async config({ server }, { command, isPreview }) {
      if (command !== "serve") return undefined;
      if (isPreview) return { preview: { port: await portOf(name, options), strictPort: true } };
      if (!server?.middlewareMode) return { server: { port: await portOf(name, options), strictPort: true } };
      const isSettled = server.hmr === false || typeof server.hmr === "object";
      return isSettled ? undefined : { server: { hmr: { port: await portOf(`${name}-hmr`, options) } } };
    },
  };
}

/** The port of a service: of the `portd run` around this process, else of a lease of its own. */
async function portOf(name: string, options: LeaseOptions): Promise<number> {
  const given = Number(variable(portVariable(name)));
  return Number.isInteger(given) && given > 0 && given < 65536 ? given : (await lease(name, options)).port;
}
