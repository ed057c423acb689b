/** The floor of everything over HTTP: a bare Hono echo on the same runtime. A program of its own; prints its port. */
import { Hono } from "hono";

/** Answers a JSON body with itself. */
export function createEcho(): Hono {
  const app = new Hono();
  app.post("/", async (context) => context.json(await context.req.json()));
  return app;
}

if (import.meta.main) {
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(port) }, createEcho().fetch);
}
