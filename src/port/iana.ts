/** What a port number is known for: its class, the services that IANA has registered, and what developers use it for. */
import type { PortClass, RegisteredService } from "./port.ts";
import { isRegistered } from "./registered.ts";

const HIGHEST_SYSTEM_PORT = 1023, HIGHEST_USER_PORT = 49151;

/** Common uses of a port that IANA does not know, or knows as something else. */
const DEVELOPMENT_USES: ReadonlyMap<number, string> = new Map([
  [1234, "debuggers (Delve, gdbserver)"],
  [2345, "Delve"],
  [3000, "Node.js, Next.js, Rails, Grafana"],
  [3001, "Node.js, Next.js"],
  [4000, "Phoenix, Jekyll, Apollo"],
  [4173, "Vite preview"],
  [4200, "Angular"],
  [4321, "Astro"],
  [5000, "Flask, ASP.NET; AirPlay on macOS"],
  [5173, "Vite"],
  [5555, "Android Debug Bridge"],
  [5601, "Kibana"],
  [5672, "RabbitMQ"],
  [6006, "Storybook, TensorBoard"],
  [6379, "Redis"],
  [7000, "AirPlay on macOS, Cassandra"],
  [8000, "Django, python -m http.server, uvicorn"],
  [8080, "web servers, Tomcat, Jenkins"],
  [8081, "Metro (React Native)"],
  [8086, "InfluxDB"],
  [8443, "web servers with TLS"],
  [8787, "Wrangler, RStudio"],
  [8888, "Jupyter"],
  [9000, "PHP-FPM, MinIO, SonarQube, Portainer"],
  [9090, "Prometheus"],
  [9092, "Kafka"],
  [9200, "Elasticsearch"],
  [9222, "Chrome DevTools"],
  [9229, "Node.js inspector"],
  [11211, "memcached"],
  [19132, "Minecraft Bedrock"],
  [24678, "Vite's hot module replacement"],
  [25565, "Minecraft"],
  [26257, "CockroachDB"],
  [27015, "Source engine games"],
  [27017, "MongoDB"],
  [28015, "RethinkDB"],
  [29092, "Kafka in containers"],
]);

/** The class of a port, RFC 6335 section 6. */
export function classOf(port: number): PortClass {
  if (port === 0) return "reserved";
  if (port <= HIGHEST_SYSTEM_PORT) return "system";
  return port <= HIGHEST_USER_PORT ? "user" : "dynamic";
}

/** The services that IANA has registered for a port, TCP first. */
export async function servicesOf(port: number): Promise<readonly RegisteredService[]> {
  if (!isRegistered(port)) return [];
  const { registeredServices }: typeof import("./services.ts") = await load("services");
  return registeredServices(port);
}

/** See main.ts for why the import chooses. */
function load(part: "services") {
  return import(part === "services" ? "./services.ts" : "./registered.ts");
}

/** What developers often use a port for. */
export function developmentUseOf(port: number): string | undefined {
  return DEVELOPMENT_USES.get(port);
}

/** Whether a port is known for something: then it is not granted dynamically. */
export function isKnown(port: number): boolean {
  return DEVELOPMENT_USES.has(port) || isRegistered(port);
}
