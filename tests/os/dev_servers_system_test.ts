/** Dev servers of the system, of Python and others, with their usual commands under `portd run`. */
import { testDevServers } from "../support/os/dev_server.ts";
import { makeProject } from "../support/os/project.ts";

testDevServers([
  {
    name: "http.server",
    always: true,
    make: (installation, copy) => makeProject(installation, copy, { "index.html": "<h1>a shop window</h1>" }),
    command: ["python3", "-m", "http.server"],
    note: /^portd: http\.server: added \d+$/m,
    page: /a shop window/,
  },
]);
