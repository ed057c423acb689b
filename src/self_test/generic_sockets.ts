/** Sockets for `bind.matrix` where portd calls no library for them: Deno's own, which listen and set no option. */
import type { MatrixSockets } from "./bind.ts";

/** Opens them. What Deno refuses is the error 0: it gives no number. */
export const genericSockets: MatrixSockets = {
  sharings: ["default"],
  bind({ address, dualStack }, port, { protocol }) {
    if (dualStack) return 0; // Deno has no such option
    try {
      const socket = protocol === "tcp"
        ? Deno.listen({ hostname: address, port })
        : Deno.listenDatagram({ hostname: address, port, transport: "udp" });
      return { [Symbol.dispose]: () => socket.close() };
    } catch (error) {
      if (error instanceof Error && "code" in error) return 0;
      throw error;
    }
  },
};
