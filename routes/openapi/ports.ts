/** The calls about ports, listeners and events. */
import { DESCRIPTION, SOCKETS } from "../../src/client/answer_shapes.ts";
import { REACH_REPORT } from "../../src/client/reach_shape.ts";
import { ACTIVITY, PORT_MAP } from "../../src/client/page_shapes.ts";
import { AnyPortParameter, EventsQuery, ListenersQuery, PortParameter, ReachBody } from "../schema.ts";
import { type OperationGroup, type Parameter, pathOf, queryOf } from "./operation.ts";

/** Ports. */
export const PORT_OPERATIONS: OperationGroup = {
  name: "Ports",
  does: "What a port is used for, who listens on it, and what keeps others from it.",
  operations: {
    "GET /v1/ports/map": {
      id: "showPortMap",
      summary: "Shows the state of every port",
      description: "`tcp` and `udp` are run lengths: a number and the letter of a state in `letters`, from port 0 on.",
      scope: "lease",
      answers: { 200: { is: "The state of every port", shape: PORT_MAP, examples: ["port_map"] } },
      errors: ["not_supported"],
    },
    "GET /v1/ports/{port}": {
      id: "describePort",
      summary: "Describes one port",
      description: "A verdict of `free` means that the kernel would give it now; a lease is a promise.",
      scope: "lease",
      parameters: [pathOf("port", AnyPortParameter.shape.port, "The port; 0, which is none, is described too")],
      answers: { 200: { is: "All about the port", shape: DESCRIPTION, examples: ["free_port"] } },
      errors: ["port_out_of_range"],
    },
    "POST /v1/ports/{port}/check": {
      id: "checkPort",
      summary: "Says what keeps others from one port, layer after layer",
      description: "Nothing is repaired by looking. `asks`, `listen` and `nonce` take the token.",
      scope: "lease",
      parameters: [pathOf("port", PortParameter.shape.port, "The port")],
      body: { schema: ReachBody, examples: ["nothing", "check_with_listener"] },
      answers: { 200: { is: "The layers, from the inside out", shape: REACH_REPORT, examples: ["reach_report"] } },
      errors: ["scope_required", "port_out_of_range", "port_in_use", "port_privileged", "checker_busy"],
    },
    "GET /v1/listeners": {
      id: "listListeners",
      summary: "Lists the sockets that listen, with their processes and leases",
      scope: "lease",
      parameters: queryOf(ListenersQuery, {
        port: "The local port",
        pid: "One of the processes that have it open",
        protocol: "The protocol",
        state: "The state, as netstat names it",
        name: "The name of the lease, whole or its last part",
        connections: "Sockets in every state",
      }),
      answers: { 200: { is: "The sockets, by port", shape: SOCKETS, examples: ["listeners"] } },
      errors: ["port_out_of_range", "not_supported"],
    },
  },
};

const LAST_EVENT_ID: Parameter = {
  in: "header",
  name: "Last-Event-ID",
  schema: { schema: { type: "string" } },
  does: "The id of the last event that came: what was missed is sent first. It counts before `lastEventId`",
  isRequired: false,
};

/** Events. */
export const EVENT_OPERATIONS: OperationGroup = {
  name: "Events",
  does: "What happens to leases, listeners, rules, mappings and the line, as it happens.",
  operations: {
    "GET /v1/activity": {
      id: "showActivity",
      summary: "Counts grants, releases and refusals of the last hour",
      scope: "lease",
      answers: { 200: { is: "A count for each minute, the oldest first", shape: ACTIVITY, examples: ["activity"] } },
    },
    "GET /v1/events": {
      id: "followEvents",
      summary: "Sends what happens to leases, as server-sent events",
      description:
        "Each message has the `id`, the `event` (its type) and as `data` a JSON document of the schema `Event`. " +
        "Where what was missed cannot be had any more, an event `reset` comes: read the leases again.",
      scope: "lease",
      parameters: [
        LAST_EVENT_ID,
        ...queryOf(EventsQuery, {
          lastEventId: "The same for clients that set no header",
          replay: "Without a last id, begin with the oldest event that is kept",
          follow: "False: end behind what has happened until now",
        }),
      ],
      answers: {
        200: {
          is: "The stream",
          mediaType: "text/event-stream",
          examples: ["event_stream"],
        },
      },
      errors: ["too_many_readers", "shutting_down"],
    },
  },
};
