/** A fake router over real sockets on loopback: SSDP, description and control. What it keeps is in igd_table.ts. */
import type { InternetRoute } from "../../../src/adapters/adapters.ts";
import type { Clock } from "../../../src/clock.ts";
import { FakeClock } from "../clock.ts";
import { type IgdAnswer, IgdTable } from "./igd_table.ts";

/** Options of {@linkcode FakeIgd}. */
export interface FakeIgdOptions {
  /** @default 2 */
  readonly version?: 1 | 2;
  /** @default one that stands still */
  readonly clock?: Clock;
  /** On which address its description and control are. @default 127.0.0.1 */
  readonly hostname?: string;
}

/** An HTTP request as it came. */
export interface IgdRequest {
  readonly path: string;
  readonly head: string;
  readonly body: string;
}

/** Pieces of an answer, sent one after the other; then the connection is closed. Endless ones end with the router. */
export type IgdBytes = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

const DESCRIPTION_PATH = "/rootDesc.xml";

/** The router. It answers until it is disposed of. */
export class FakeIgd implements AsyncDisposable {
  readonly table: IgdTable;
  /** `LOCATION` of its search answers. @default where its description is */
  location: string | undefined;
  /** Whether it answers searches. */
  isSearchable = true;
  /** From which address it answers searches. @default its own */
  searchAnswerFrom: string | undefined;
  /** What it answers in the place of the description and of what actions say; `undefined` leaves the right answer. */
  raw: (request: IgdRequest) => IgdBytes | undefined = () => undefined;
  /** Further services, and anything else, before the last `</device>` of its description. */
  more = "";
  readonly requests: IgdRequest[] = [];
  readonly #ssdp = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  readonly #http: Deno.TcpListener;
  readonly #connections = new Set<Deno.Conn>();
  readonly #running: Promise<unknown>[];
  #hasEnded = false;

  constructor({ version = 2, clock = new FakeClock(), hostname = "127.0.0.1" }: FakeIgdOptions = {}) {
    this.#http = Deno.listen({ hostname, port: 0 });
    this.table = new IgdTable(version, clock);
    this.#running = [this.#answerSearches(), this.#accept()];
  }

  get address(): string {
    return "127.0.0.1";
  }

  /** The way to the internet through it. */
  get route(): InternetRoute {
    return { adapter: "lo", address: this.address, gateway: this.address };
  }

  get searchPort(): number {
    return (this.#ssdp.addr as Deno.NetAddr).port;
  }

  get httpPort(): number {
    return (this.#http.addr as Deno.NetAddr).port;
  }

  get connectionType(): string {
    return `urn:schemas-upnp-org:service:WANIPConnection:${this.table.version}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) {
      this.#ssdp.close();
      this.#http.close();
    }
    this.#hasEnded = true;
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#running);
  }

  async #answerSearches(): Promise<void> {
    for await (const [bytes, from] of this.#ssdp) {
      const [, target] = /^ST: (.*)\r$/m.exec(new TextDecoder().decode(bytes)) ?? [];
      if (from.transport !== "udp" || target === undefined || !this.isSearchable || !this.#has(target)) continue;
      const location = this.location ?? `http://127.0.0.1:${this.httpPort}${DESCRIPTION_PATH}`;
      const answer = `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: ${target}\r\nUSN: uuid:fake::${target}\r\n` +
        `EXT:\r\nSERVER: fake UPnP/1.1\r\nLOCATION: ${location}\r\n\r\n`;
      await this.#sendSearchAnswer(new TextEncoder().encode(answer), from);
    }
  }

  async #sendSearchAnswer(bytes: Uint8Array, to: Deno.NetAddr): Promise<void> {
    if (this.searchAnswerFrom === undefined) {
      return void await this.#ssdp.send(bytes, to).catch((error) => {
        if (!this.#hasEnded || !isClosed(error)) throw error;
      });
    }
    const socket = Deno.listenDatagram({ hostname: this.searchAnswerFrom, port: 0, transport: "udp" });
    await socket.send(bytes, to);
    socket.close();
  }

  #has(target: string): boolean {
    const { version } = this.table;
    return target === this.connectionType || target === `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`;
  }

  async #accept(): Promise<void> {
    const serving = new Set<Promise<void>>();
    for await (const connection of this.#http) {
      this.#connections.add(connection);
      const served = this.#serve(connection).finally(() => {
        this.#connections.delete(connection);
        close(connection);
        serving.delete(served);
      });
      serving.add(served);
    }
    await Promise.all(serving);
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    try {
      const request = await readRequest(connection);
      if (request === undefined) return;
      this.requests.push(request);
      for await (const piece of this.raw(request) ?? this.#answer(request, connection.remoteAddr.hostname)) {
        const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
        for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
        if (this.#hasEnded) return;
      }
    } catch (error) {
      // The client has closed, or the router has ended.
      if (!isClosed(error)) throw error;
    }
  }

  #answer(request: IgdRequest, from: string): IgdBytes {
    if (request.path === DESCRIPTION_PATH) return httpAnswer(200, describe(this.table.version, this.more));
    const [, action] = /^SOAPAction: "[^#"]*#(\w+)"\r$/mi.exec(request.head) ?? [];
    if (request.path !== "/control" || action === undefined) return httpAnswer(404, "not found", "text/html");
    const values = new Map(
      [...request.body.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map(([, name, value]) => [name!, unescape(value!)]),
    );
    return encodeAnswer(action, this.table.call({ action, values, from }));
  }
}

/** The bytes of an HTTP answer. */
export function httpAnswer(status: number, body: string, type = 'text/xml; charset="utf-8"'): readonly string[] {
  const length = new TextEncoder().encode(body).length;
  return [`HTTP/1.1 ${status} X\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`, body];
}

/** A description in the form that most routers have. */
export function describe(version: 1 | 2, more = ""): string {
  const service = (type: string) =>
    `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType><serviceId>x</serviceId>` +
    `<SCPDURL>/x.xml</SCPDURL><controlURL>/control</controlURL><eventSubURL>/e</eventSubURL></service>`;
  const firewall = version === 2 ? service("WANIPv6FirewallControl:1") : "";
  const device = (type: string, inner: string) =>
    `<device><deviceType>urn:schemas-upnp-org:device:${type}</deviceType>` +
    `<friendlyName>Fake &amp; sound</friendlyName>${inner}</device>`;
  const connection = `<serviceList>${service(`WANIPConnection:${version}`)}${firewall}</serviceList>${more}`;
  const wan = `<deviceList>${device(`WANConnectionDevice:${version}`, connection)}</deviceList>`;
  return '<?xml version="1.0"?>\r\n<root xmlns="urn:schemas-upnp-org:device-1-0">' +
    "<specVersion><major>1</major><minor>0</minor></specVersion>" +
    device(
      `InternetGatewayDevice:${version}`,
      `<serviceList>${service("Layer3Forwarding:1")}</serviceList>` +
        `<deviceList>${device(`WANDevice:${version}`, wan)}</deviceList>`,
    ) + "</root>";
}

/** An answer of an action, as HTTP. */
export function encodeAnswer(action: string, answer: IgdAnswer): readonly string[] {
  const envelope = (body: string) =>
    `<?xml version="1.0"?>\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`;
  if (typeof answer !== "number") {
    const values = Object.entries(answer).map(([name, value]) => `<${name}>${escape(String(value))}</${name}>`).join(
      "",
    );
    return httpAnswer(200, envelope(`<u:${action}Response xmlns:u="x">${values}</u:${action}Response>`));
  }
  const error = `<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>${answer}</errorCode>` +
    `<errorDescription>as the test says</errorDescription></UPnPError>`;
  const fault =
    `<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>${error}</detail></s:Fault>`;
  return httpAnswer(500, envelope(fault));
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function unescape(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** Reads a request with its body. @returns `undefined` where the client closes before. */
async function readRequest(connection: Deno.Conn): Promise<IgdRequest | undefined> {
  const buffer = new Uint8Array(4096), decoder = new TextDecoder();
  for (let text = "";;) {
    const length = await connection.read(buffer);
    if (length === null) return undefined;
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const head = text.slice(0, end + 2), body = text.slice(end + 4);
    const [, wanted] = /^Content-Length: (\d+)\r$/mi.exec(head) ?? [];
    if (body.length >= Number(wanted ?? 0)) return { path: head.split(" ")[1] ?? "", head, body };
  }
}

function isClosed(error: unknown): boolean {
  const { BadResource, BrokenPipe, ConnectionReset, Interrupted } = Deno.errors;
  return [BadResource, BrokenPipe, ConnectionReset, Interrupted].some((type) => error instanceof type);
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
  }
}
