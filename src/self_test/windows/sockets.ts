/** Bound sockets of Windows for `bind.matrix`. */
import { bindSocket } from "../../os/windows/bound_socket.ts";
import type { Ws2 } from "../../os/windows/ws2_32.ts";
import type { MatrixSockets } from "../bind.ts";

/** Opens them. */
export function windowsSockets(ws2: Ws2): MatrixSockets {
  return {
    sharings: ["default", "reuse", "exclusive"],
    bind({ address, dualStack = false, scope = 0 }, port, { protocol, sharing }) {
      const bound = bindSocket(ws2, { protocol, address, port, sharing, dualStack, scope });
      return bound.error ?? { [Symbol.dispose]: () => void ws2.closesocket(bound.socket) };
    },
  };
}
